/** The frames between a supervisor and a child: a 32-bit length, most significant byte first, and as much JSON. */
export const LENGTH_BYTES = 4;

/** The frame of one message. */
export function frameOf(message: unknown): Uint8Array {
  const text = Buffer.from(JSON.stringify(message));
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + text.byteLength);
  frame.writeUInt32BE(text.byteLength);
  frame.set(text, LENGTH_BYTES);
  return frame;
}

/** Finds the frames in bytes that come in pieces. */
export class FrameReader {
  readonly #bytesMax: number;
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;

  /** `bytesMax`: the longest text that is taken. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes as they came; they are copied. */
  push(chunk: Uint8Array): void {
    this.#unread.push(new Uint8Array(chunk));
    this.#unreadBytes += chunk.byteLength;
  }

  /** The text of the next frame; undefined when it is not all there yet. Throws a RangeError when it is too long. */
  next(): string | undefined {
    if (this.#unreadBytes < LENGTH_BYTES) return undefined;
    const [first] = this.#unread;
    const head = first && first.byteLength >= LENGTH_BYTES ? first : this.#whole();
    const textBytes = new DataView(head.buffer, head.byteOffset, LENGTH_BYTES).getUint32(0);
    if (textBytes > this.#bytesMax) throw new RangeError(`a message of ${textBytes} bytes`);
    const end = LENGTH_BYTES + textBytes;
    if (this.#unreadBytes < end) return undefined;
    const bytes = this.#whole();
    this.#unread = bytes.byteLength > end ? [bytes.subarray(end)] : [];
    this.#unreadBytes -= end;
    return Buffer.from(bytes.buffer, bytes.byteOffset + LENGTH_BYTES, textBytes).toString();
  }

  #whole(): Uint8Array {
    const [first] = this.#unread;
    if (first && this.#unread.length === 1) return first;
    const whole = Buffer.concat(this.#unread);
    this.#unread = [whole];
    return whole;
  }
}
