import type { Socket } from "bun";

/** An end of a connection that may not take all it is given at once. */
export interface Sender {
  socket: Socket<unknown> | null;
  /** What the socket has not taken yet; Bun buffers nothing for us. */
  unsent: Uint8Array | null;
}

/**
 * Sends bytes[from, end). True when the socket took all of it; the rest waits in `unsent` for flush(). `borrowed`: the
 * caller will write over the bytes, so what waits is copied.
 */
export function send(to: Sender, bytes: Uint8Array, from: number, end: number, borrowed: boolean): boolean {
  if (end === from) return to.unsent === null;
  if (to.unsent !== null) {
    to.unsent = Buffer.concat([to.unsent, bytes.subarray(from, end)]);
    return false;
  }
  // A closed socket answers -1; its close event follows and ends the exchange.
  const taken = Math.max(0, to.socket?.write(bytes, from, end - from) ?? 0);
  if (taken === end - from) return true;
  const rest = bytes.subarray(from + taken, end);
  // Not slice(): a Buffer's shares its memory.
  to.unsent = borrowed ? new Uint8Array(rest) : rest;
  return false;
}

/** Tries again to send what waits. True when nothing waits any more. */
export function flush(to: Sender): boolean {
  const waiting = to.unsent;
  if (waiting === null) return true;
  const taken = Math.max(0, to.socket?.write(waiting, 0, waiting.length) ?? 0);
  to.unsent = taken === waiting.length ? null : waiting.subarray(taken);
  return to.unsent === null;
}
