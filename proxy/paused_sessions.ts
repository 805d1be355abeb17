import { addressOf, libc } from "../shared/process/libc.ts";
import type { Session } from "./session.ts";

/** struct pollfd: fd, events, revents. */
const ENTRY_BYTES = 8;
const EVENTS_AT = 4;
const REVENTS_AT = 6;
/** The other side has sent its FIN, whether or not the bytes before it were read (poll(2)). */
const POLLRDHUP = 0x2000;
const FIONREAD = 0x541b;
/** Asked about in one call, which takes the kernel some 50 µs. */
const ASKED_MAX = 1024;

/**
 * Clients that are not read for now. Bun tells of their reset, but not of their FIN, until they are read again; so the
 * kernel is asked.
 */
export class PausedSessions {
  readonly #sessions = new Set<Session>();
  readonly #entries = Buffer.from(new ArrayBuffer(ASKED_MAX * ENTRY_BYTES));
  readonly #unread = new Int32Array(new ArrayBuffer(4));

  add(session: Session): void {
    this.#sessions.add(session);
  }

  delete(session: Session): void {
    this.#sessions.delete(session);
  }

  /** Visits those whose FIN has come, with the number of bytes that wait before it. */
  visitEnded(visit: (session: Session, unreadBytes: number) => void): void {
    if (this.#sessions.size === 0) return;
    const asked = this.#next();
    const ended = libc().poll(addressOf(this.#entries), BigInt(asked.length), 0);
    if (ended <= 0) return;
    asked.forEach((session, i) => {
      const at = i * ENTRY_BYTES;
      if ((this.#entries.readUInt16LE(at + REVENTS_AT) & POLLRDHUP) === 0 || !session.paused) return;
      const unread = unreadBytes(this.#entries.readInt32LE(at), this.#unread);
      if (unread >= 0) visit(session, unread);
    });
  }

  /** Those whose turn it is, and they go behind the others. */
  #next(): Session[] {
    const asked: Session[] = [];
    for (const session of this.#sessions) {
      if (asked.length === ASKED_MAX) break;
      const { socket } = session;
      if (socket === null) continue;
      const at = asked.push(session) * ENTRY_BYTES - ENTRY_BYTES;
      // Not in Bun's types.
      this.#entries.writeInt32LE((socket as unknown as { fd: number }).fd, at);
      this.#entries.writeUInt16LE(POLLRDHUP, at + EVENTS_AT);
      this.#entries.writeUInt16LE(0, at + REVENTS_AT);
    }
    for (const session of asked) {
      this.#sessions.delete(session);
      this.#sessions.add(session);
    }
    return asked;
  }
}

/** Bytes in the socket's receive buffer; -1 when the kernel can't say. */
function unreadBytes(fd: number, into: Int32Array): number {
  return libc().ioctl(fd, BigInt(FIONREAD), addressOf(into)) === 0 ? (into[0] ?? -1) : -1;
}
