/**
 * Messages over a unix socket: frames of a 32-bit length and a JSON list. What is sent in one turn shares a frame, as far
 * as one may hold it.
 */
import type { Socket } from "bun";

const LENGTH_BYTES = 4;
/** Far over what 10,000 jobs of one enqueueMany or one claim can be; more is a broken peer. */
const FRAME_BYTES_MAX = 256 * 1024 ** 2;
/** What messages share: three bytes each are below what the other side takes. A longer message has its own. */
const FRAME_CHARS_MAX = 64 * 1024 ** 2;

export class FrameLink<Out, In> {
  readonly #socket: Socket<unknown>;
  readonly #receive: (message: In) => void;
  #outbox: Out[] = [];
  /** Bytes the kernel did not take yet. */
  #unsent: Uint8Array[] = [];
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;

  constructor(socket: Socket<unknown>, receive: (message: In) => void) {
    this.#socket = socket;
    this.#receive = receive;
  }

  send(message: Out): void {
    this.#outbox.push(message);
    if (this.#outbox.length === 1) setImmediate(() => this.#flush());
  }

  /** Bytes from the socket. Throws a RangeError when they can't be frames. */
  take(chunk: Uint8Array): void {
    // Bun reuses its read buffer after the handler returns.
    this.#unread.push(new Uint8Array(chunk));
    this.#unreadBytes += chunk.byteLength;
    const expected = this.#nextFrameBytes();
    if (expected === undefined || this.#unreadBytes < expected) return;
    this.#readFrames(this.#unread.length === 1 ? this.#unread[0]! : Buffer.concat(this.#unread));
  }

  /** The socket can take bytes again. */
  drained(): void {
    const waiting = this.#unsent;
    this.#unsent = [];
    for (const bytes of waiting) this.#write(bytes);
  }

  #readFrames(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (bytes.byteLength - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + checked(view.getUint32(at));
      if (end > bytes.byteLength) break;
      const text = Buffer.from(
        bytes.buffer,
        bytes.byteOffset + at + LENGTH_BYTES,
        end - at - LENGTH_BYTES,
      ).toString();
      for (const message of JSON.parse(text) as In[]) this.#receive(message);
      at = end;
    }
    this.#unread = at < bytes.byteLength ? [bytes.subarray(at)] : [];
    this.#unreadBytes = bytes.byteLength - at;
  }

  #nextFrameBytes(): number | undefined {
    const first = this.#unread[0];
    if (this.#unreadBytes < LENGTH_BYTES || !first) return undefined;
    const head = first.byteLength >= LENGTH_BYTES ? first : Buffer.concat(this.#unread);
    return LENGTH_BYTES + checked(new DataView(head.buffer, head.byteOffset, LENGTH_BYTES).getUint32(0));
  }

  #flush(): void {
    const messages = this.#outbox.map((message) => JSON.stringify(message));
    this.#outbox = [];
    for (const list of shared(messages, FRAME_CHARS_MAX)) this.#write(frameOf(list));
  }

  #write(bytes: Uint8Array): void {
    if (this.#unsent.length > 0) {
      this.#unsent.push(bytes);
      return;
    }
    const written = Math.max(0, this.#socket.write(bytes));
    if (written < bytes.byteLength) this.#unsent.push(bytes.subarray(written));
  }
}

/** JSON lists of the messages in their order, each of about `charsMax` at most, or of one message. */
export function shared(messages: readonly string[], charsMax: number): string[] {
  const lists: string[] = [];
  let from = 0;
  let chars = 0;
  for (const [i, { length }] of messages.entries()) {
    if (i > from && chars + length > charsMax) {
      lists.push(`[${messages.slice(from, i).join(",")}]`);
      from = i;
      chars = 0;
    }
    chars += length;
  }
  lists.push(`[${messages.slice(from).join(",")}]`);
  return lists;
}

function frameOf(list: string): Uint8Array {
  const text = Buffer.from(list);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + text.byteLength);
  frame.writeUInt32BE(text.byteLength);
  frame.set(text, LENGTH_BYTES);
  return frame;
}

function checked(bytes: number): number {
  if (bytes > FRAME_BYTES_MAX) throw new RangeError(`a frame of ${bytes} bytes`);
  return bytes;
}
