/** Bytes of a client that nobody has read yet: a head in parts, or requests sent ahead. */
export class HeldBytes {
  bytes: Buffer;
  /** How many of them were looked at without finding a whole head. */
  seen = 0;
  /** When the first byte of the head came that is not whole yet, on the clock of performance.now(). */
  headStartMs = 0;
  /** Where appended bytes go, larger than what is held: a client that sends octet by octet must not have all copied for each. */
  #room: Buffer | undefined;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  append(more: Buffer): void {
    const { length } = this.bytes;
    const end = length + more.length;
    if (this.#room === undefined || this.#room.length < end) {
      this.#room = Buffer.allocUnsafeSlow(end * 2);
      this.bytes.copy(this.#room);
    }
    more.copy(this.#room, length);
    this.bytes = this.#room.subarray(0, end);
  }
}
