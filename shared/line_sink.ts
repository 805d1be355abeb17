/** Where lines go: each place takes what it can at once, and never makes the caller wait. */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { addressOf, errno, libc } from "./process/libc.ts";
import { isFacility } from "./syslog_facility.ts";
import { SyslogSink } from "./syslog_sink.ts";
import { sentenceOf, UserError } from "./user_error.ts";

export interface LineSink {
  /** The most that is handed over at once. */
  readonly pageBytes: number;
  /** How many bytes of these whole lines were taken: less than all when the rest must wait; GONE when nobody reads. */
  write(lines: Uint8Array): number;
  /** Starts anew at the same path. Throws a UserError, with the old one still in use, when it can't be opened. */
  reopen(): void;
  close(): void;
}

export const GONE = -1;

/** Writes up to PIPE_BUF are not mixed with another process's (pipe(7)). */
const PIPE_PAGE_BYTES = 4096;
const FILE_PAGE_BYTES = 65_536;
const STDOUT_FD = 1;
const EAGAIN = 11;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** The reader is slow, or there is no room now and may be later. */
const PASSING = new Set(["EAGAIN", "EINTR", "ENOSPC", "EDQUOT", "EFBIG"]);

let ownStdout: number | undefined;

/** To be called by a process that is about to become a user who may not open our stdout by itself. */
export function claimStdout(): void {
  const stdout = fstatSync(STDOUT_FD);
  if (stdout.isFIFO() || stdout.isCharacterDevice()) ownStdout ??= openStdout();
}

/** A description of our own, so that making it non-blocking does not touch the one we share with who started us. */
function openStdout(): number {
  return openSync(`/proc/self/fd/${STDOUT_FD}`, constants.O_WRONLY | constants.O_NONBLOCK);
}

/** `target`: "stdout", "file:PATH" or "syslog:FACILITY". Throws a UserError when it can't be opened. */
export function openLineSink(target: string): LineSink {
  if (target.startsWith("file:")) return new FileSink(target.slice("file:".length));
  const facility = target.slice("syslog:".length);
  if (target.startsWith("syslog:") && isFacility(facility)) return new SyslogSink(facility);
  const stdout = fstatSync(STDOUT_FD);
  if (stdout.isSocket()) return new SocketSink(STDOUT_FD);
  if (!stdout.isFIFO() && !stdout.isCharacterDevice()) return new FdSink(STDOUT_FD, FILE_PAGE_BYTES);
  const own = ownStdout ?? openStdout();
  return new FdSink(own, PIPE_PAGE_BYTES);
}

/** A pipe, a terminal, or a file that someone else has opened: its offset is common to all that write there. */
class FdSink implements LineSink {
  readonly pageBytes: number;
  readonly #fd: number;

  constructor(fd: number, pageBytes: number) {
    this.#fd = fd;
    this.pageBytes = pageBytes;
  }

  write(lines: Uint8Array): number {
    return writeSome(this.#fd, lines);
  }

  reopen(): void {
    // Whoever gave it to us keeps it.
  }

  close(): void {
    if (this.#fd !== STDOUT_FD && this.#fd !== ownStdout) closeSync(this.#fd);
  }
}

/** A file of ours. Appending writes of several processes are not mixed (write(2), O_APPEND). */
export class FileSink implements LineSink {
  readonly pageBytes = FILE_PAGE_BYTES;
  readonly #path: string;
  #fd: number;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openFile(path);
  }

  write(lines: Uint8Array): number {
    return writeSome(this.#fd, lines);
  }

  reopen(): void {
    const old = this.#fd;
    this.#fd = openFile(this.#path);
    closeSync(old);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** A connected socket, as journald gives to services: it can't be opened again, and must not become non-blocking for all. */
export class SocketSink implements LineSink {
  readonly pageBytes = PIPE_PAGE_BYTES;
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(lines: Uint8Array): number {
    const taken = libc().send(this.#fd, addressOf(lines), lines.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken >= 0) return taken;
    return errno() === EAGAIN ? 0 : GONE;
  }

  reopen(): void {
    // Whoever gave it to us keeps it.
  }

  close(): void {
    // As above.
  }
}

function openFile(path: string): number {
  try {
    // A pipe with a name must not block us either; files don't mind.
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
    return openSync(path, flags, 0o640);
  } catch (error) {
    throw new UserError(`can't write the access log ${path}: ${sentenceOf(error)}`);
  }
}

function writeSome(fd: number, lines: Uint8Array): number {
  try {
    return writeSync(fd, lines);
  } catch (error) {
    return PASSING.has((error as NodeJS.ErrnoException).code ?? "") ? 0 : GONE;
  }
}
