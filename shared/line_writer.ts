import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { sentenceOf, UserError } from "./user_error.ts";

/** Writes up to PIPE_BUF are not mixed with another process's (pipe(7)). */
const PIPE_PAGE_BYTES = 4096;
const FILE_PAGE_BYTES = 65_536;
const BACKLOG_BYTES_MAX = 8 * 1024 * 1024;
const FLUSH_MS = 100;
const LAST_FLUSH_MS = 2000;
const STDOUT_FD = 1;

/** Lines to stdout or a file, in batches, never waiting for a slow reader: what does not fit the backlog is dropped. */
export class LineWriter {
  readonly #fd: number;
  readonly #pageBytes: number;
  /** Full pages that could not be written yet, oldest first. */
  readonly #pages: Buffer[] = [];
  #page: Buffer;
  #used = 0;
  #backlogBytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Lines thrown away because the reader was too slow. */
  dropped = 0;

  /** `target`: "stdout" or "file:PATH". Throws a UserError when the file can't be opened. */
  constructor(target: string) {
    this.#fd = target === "stdout" ? openStdout() : openFile(target.slice("file:".length));
    this.#pageBytes = fstatSync(this.#fd).isFile() ? FILE_PAGE_BYTES : PIPE_PAGE_BYTES;
    this.#page = Buffer.allocUnsafeSlow(this.#pageBytes);
  }

  /** One line with its line end. */
  write(line: string): void {
    // Three bytes for every UTF-16 unit is the most UTF-8 needs.
    if (this.#used + line.length * 3 > this.#pageBytes && !this.#turnPage(line)) return;
    this.#used += this.#page.write(line, this.#used);
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  /** Writes what the reader takes now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#closePage();
    while (this.#pages.length > 0) {
      const page = this.#pages[0]!;
      const taken = writeSome(this.#fd, page);
      this.#backlogBytes -= taken;
      if (taken < page.length) {
        this.#pages[0] = page.subarray(taken);
        this.#timer = setTimeout(() => this.flush(), FLUSH_MS);
        return;
      }
      this.#pages.shift();
    }
  }

  /** Writes all that is left, as far as the reader takes it within two seconds. */
  async close(): Promise<void> {
    const deadlineMs = performance.now() + LAST_FLUSH_MS;
    for (this.flush(); this.#pages.length > 0 && performance.now() < deadlineMs; this.flush())
      await Bun.sleep(10);
    clearTimeout(this.#timer);
  }

  /** Makes room for a line; false when the line must be dropped. */
  #turnPage(line: string): boolean {
    this.#closePage();
    if (this.#backlogBytes > this.#pageBytes * 4) this.flush();
    if (this.#backlogBytes + line.length > BACKLOG_BYTES_MAX) {
      this.dropped++;
      return false;
    }
    const longLine = line.length * 3 > this.#pageBytes;
    if (longLine) this.#page = Buffer.allocUnsafeSlow(line.length * 3);
    return true;
  }

  #closePage(): void {
    if (this.#used === 0) return;
    this.#pages.push(this.#page.subarray(0, this.#used));
    this.#backlogBytes += this.#used;
    this.#page = Buffer.allocUnsafeSlow(this.#pageBytes);
    this.#used = 0;
  }
}

/**
 * A pipe or terminal gets a description of our own, so that making it non-blocking does not touch the one we share with
 * whoever started us. A file keeps the shared one: its offset is common to all that write there. A socket (journald's)
 * can't be opened again.
 */
function openStdout(): number {
  const stdout = fstatSync(STDOUT_FD);
  if (!stdout.isFIFO() && !stdout.isCharacterDevice()) return STDOUT_FD;
  return openSync(`/proc/self/fd/${STDOUT_FD}`, constants.O_WRONLY | constants.O_NONBLOCK);
}

function openFile(path: string): number {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o640);
  } catch (error) {
    throw new UserError(`can't write the access log ${path}: ${sentenceOf(error)}`);
  }
}

/** How many bytes were taken; none when the reader is slow (EAGAIN), all when it is gone (EPIPE). */
function writeSome(fd: number, page: Buffer): number {
  try {
    return writeSync(fd, page);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EAGAIN" ? 0 : page.length;
  }
}
