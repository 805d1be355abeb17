import { ChunkedBody } from "./chunked.ts";

/** How the end of a body is known (RFC 9112 §6.3). */
export type BodyKind = "none" | "length" | "chunked" | "until_close";

/** One body on its way through: how much of it is still to come, and what of the bytes at hand belongs to it. */
export class Body {
  kind: BodyKind = "none";
  /** Bytes still to come of a body of known length. */
  left = 0;
  done = true;
  broken = false;
  /** Index after the last byte of the latest take() that is passed on. */
  keptEnd = 0;
  /** Data bytes so far, without chunk framing. */
  bytes = 0;
  #chunks: ChunkedBody | null = null;

  /** A body that starts now. `bare`: chunk framing is taken out, for a receiver that does not know it. */
  start(kind: BodyKind, length: number, bare: boolean): void {
    this.kind = kind === "length" && length === 0 ? "none" : kind;
    this.left = length;
    this.done = this.kind === "none";
    this.broken = false;
    this.bytes = 0;
    this.#chunks = kind === "chunked" ? new ChunkedBody(bare) : null;
  }

  /**
   * The part of bytes[from, end) that belongs to this body: returns the index after it. What is passed on of it stands
   * in bytes[from, keptEnd): a chunked body is cleaned in place.
   */
  take(bytes: Uint8Array, from: number, end: number): number {
    switch (this.kind) {
      case "length":
        return this.#takeLength(from, end);
      case "chunked":
        return this.#takeChunks(bytes, from, end);
      case "until_close":
        this.bytes += end - from;
        this.keptEnd = end;
        return end;
      case "none":
        this.keptEnd = from;
        return from;
    }
  }

  #takeLength(from: number, end: number): number {
    const n = Math.min(this.left, end - from);
    this.left -= n;
    this.bytes += n;
    if (this.left === 0) this.done = true;
    this.keptEnd = from + n;
    return this.keptEnd;
  }

  #takeChunks(bytes: Uint8Array, from: number, end: number): number {
    const chunks = this.#chunks;
    if (!chunks) return from;
    const after = chunks.filter(bytes, from, end);
    this.keptEnd = chunks.keptEnd;
    this.bytes = chunks.dataBytes;
    this.done = chunks.done;
    this.broken = chunks.broken;
    return after;
  }
}
