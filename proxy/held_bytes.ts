/** Bytes of a client that nobody has read yet: a head in parts, or requests sent ahead. */
export class HeldBytes {
  bytes: Buffer;
  /** How many of them were looked at without finding a whole head. */
  seen = 0;
  /** When the first byte of the head came that is not whole yet, on the clock of performance.now(). */
  headStartMs = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}
