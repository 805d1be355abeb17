import type { LineSink } from "./line_sink.ts";
import { syslogDate } from "./log_clock.ts";
import { addressOf, errno, libc } from "./process/libc.ts";
import { FACILITIES, type Facility } from "./syslog_facility.ts";
import { UserError } from "./user_error.ts";

/** Where syslog daemons and journald listen (syslog(3)). */
const SYSLOG_PATH = "/dev/log";
const SEVERITY_INFO = 6;
const PAGE_BYTES = 65_536;
const HEADER_BYTES_MAX = 64;
const LINE_END = 10;
const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const EMSGSIZE = 90;

/**
 * A datagram a line, as RFC 3164 writes it, to the syslog of this machine. Each names its destination anew: a daemon that
 * comes back is found without further ado, and until then the lines wait.
 */
export class SyslogSink implements LineSink {
  readonly pageBytes = PAGE_BYTES;
  readonly #priority: number;
  readonly #fd: number;
  readonly #to: Uint8Array;
  readonly #datagram = Buffer.allocUnsafeSlow(HEADER_BYTES_MAX + PAGE_BYTES);

  /** `facility`: one of FACILITIES. */
  constructor(facility: Facility, path = SYSLOG_PATH) {
    this.#priority = FACILITIES.indexOf(facility) * 8 + SEVERITY_INFO;
    this.#to = unixAddress(path);
    this.#fd = libc().socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
    if (this.#fd < 0) throw new UserError(`can't open a socket for the access log: system error ${errno()}`);
  }

  write(lines: Uint8Array): number {
    // glibc's and HAProxy's form for the local daemon, which knows the host's name itself.
    const header = `<${this.#priority}>${syslogDate(new Date())} trivet[${process.pid}]: `;
    const headerBytes = this.#datagram.write(header, "latin1");
    let sent = 0;
    for (let end = lines.indexOf(LINE_END); end >= 0; end = lines.indexOf(LINE_END, sent)) {
      this.#datagram.set(lines.subarray(sent, end), headerBytes);
      if (!this.#send(headerBytes + end - sent)) return sent;
      sent = end + 1;
    }
    return sent;
  }

  reopen(): void {
    // Nothing of it is ours.
  }

  close(): void {
    libc().close(this.#fd);
  }

  /** False when it must be tried again: the daemon's queue is full, or there is no daemon now. */
  #send(length: number): boolean {
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const to = addressOf(this.#to);
    const taken = libc().sendto(this.#fd, addressOf(this.#datagram), length, flags, to, this.#to.length);
    // A line that is too long for the daemon will never fit.
    return taken >= 0 || errno() === EMSGSIZE;
  }
}

/** struct sockaddr_un (unix(7)). */
function unixAddress(path: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(AF_UNIX, 0), Buffer.from(path), Uint8Array.of(0)]);
}
