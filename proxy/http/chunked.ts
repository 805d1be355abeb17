import { COLON, CR, FIELD_VALUE, HEX_PLUS_ONE, HTAB, LF, SP, TOKEN } from "./octets.ts";

/** Digits of a chunk size: 2^52 at most stays exact. */
const SIZE_DIGITS_MAX = 13;
/** Extensions of one chunk and all trailers: longer is an attack, not a message. */
const EXTENSION_BYTES_MAX = 4096;
const TRAILER_BYTES_MAX = 16_384;
const SEMICOLON = 59;

const STATE = {
  SIZE: 0,
  EXTENSION: 1,
  SIZE_LF: 2,
  DATA: 3,
  DATA_CR: 4,
  DATA_LF: 5,
  TRAILER_START: 6,
  TRAILER_NAME: 7,
  TRAILER_VALUE: 8,
  TRAILER_LF: 9,
  END_LF: 10,
  DONE: 11,
  BROKEN: 12,
  BAD_SPACE: 13,
} as const;

/**
 * A chunked body on its way through (RFC 9112 §7.1), checked octet by octet outside the data. Extensions and trailers
 * are taken out in place; what stays is chunked with the same chunks, or only the data when `bare`.
 */
export class ChunkedBody {
  #state: number = STATE.SIZE;
  #size = 0;
  #digits = 0;
  #skipped = 0;
  readonly #bare: boolean;
  /** Index after the last byte that filter() kept. */
  keptEnd = 0;
  /** Data bytes so far. */
  dataBytes = 0;

  constructor(bare: boolean) {
    this.#bare = bare;
  }

  get done(): boolean {
    return this.#state === STATE.DONE;
  }

  get broken(): boolean {
    return this.#state === STATE.BROKEN;
  }

  /**
   * Moves what may pass on of bytes[from, end) to the front of that range: bytes[from, keptEnd). Returns the index
   * where this body stopped reading: `end`, or less once it is done or broken.
   */
  filter(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    let to = from;
    while (at < end && this.#state !== STATE.DONE && this.#state !== STATE.BROKEN) {
      if (this.#state === STATE.DATA) {
        const n = Math.min(this.#size, end - at);
        if (to !== at) bytes.copyWithin(to, at, at + n);
        at += n;
        to += n;
        this.#size -= n;
        this.dataBytes += n;
        if (this.#size === 0) this.#state = STATE.DATA_CR;
        continue;
      }
      const c = bytes[at++]!;
      if (this.#step(c) && !this.#bare) bytes[to++] = c;
    }
    this.keptEnd = to;
    return at;
  }

  /** Takes one octet of framing; whether it is passed on. */
  #step(c: number): boolean {
    switch (this.#state) {
      case STATE.SIZE:
        return this.#stepSize(c);
      case STATE.BAD_SPACE:
        if (++this.#skipped > EXTENSION_BYTES_MAX) return this.#to(STATE.BROKEN, false);
        return this.#stepBeforeExtension(c);
      case STATE.EXTENSION:
        if (c === CR) return this.#to(STATE.SIZE_LF, true);
        if (FIELD_VALUE[c] === 0 || ++this.#skipped > EXTENSION_BYTES_MAX)
          return this.#to(STATE.BROKEN, false);
        return false;
      case STATE.SIZE_LF:
        if (c !== LF) return this.#to(STATE.BROKEN, false);
        this.#digits = 0;
        this.#skipped = 0;
        return this.#to(this.#size === 0 ? STATE.TRAILER_START : STATE.DATA, true);
      case STATE.DATA_CR:
        return this.#to(c === CR ? STATE.DATA_LF : STATE.BROKEN, true);
      case STATE.DATA_LF:
        return this.#to(c === LF ? STATE.SIZE : STATE.BROKEN, true);
      case STATE.END_LF:
        return this.#to(c === LF ? STATE.DONE : STATE.BROKEN, true);
      default:
        return this.#stepTrailer(c);
    }
  }

  #stepSize(c: number): boolean {
    const digit = HEX_PLUS_ONE[c]! - 1;
    if (digit >= 0) {
      if (++this.#digits > SIZE_DIGITS_MAX) return this.#to(STATE.BROKEN, false);
      this.#size = this.#size * 16 + digit;
      return true;
    }
    if (this.#digits === 0) return this.#to(STATE.BROKEN, false);
    if (c === CR) return this.#to(STATE.SIZE_LF, true);
    return this.#stepBeforeExtension(c);
  }

  /** Space before ";" is bad whitespace (RFC 9112 §7.1.1): read, never sent; without an extension it is an error. */
  #stepBeforeExtension(c: number): boolean {
    if (c === SEMICOLON) return this.#to(STATE.EXTENSION, false);
    return this.#to(c === SP || c === HTAB ? STATE.BAD_SPACE : STATE.BROKEN, false);
  }

  #stepTrailer(c: number): boolean {
    if (++this.#skipped > TRAILER_BYTES_MAX) return this.#to(STATE.BROKEN, false);
    switch (this.#state) {
      case STATE.TRAILER_START:
        if (c === CR) return this.#to(STATE.END_LF, true);
        return this.#to(TOKEN[c] === 1 ? STATE.TRAILER_NAME : STATE.BROKEN, false);
      case STATE.TRAILER_NAME:
        if (c === COLON) return this.#to(STATE.TRAILER_VALUE, false);
        return TOKEN[c] === 1 ? false : this.#to(STATE.BROKEN, false);
      case STATE.TRAILER_VALUE:
        if (c === CR) return this.#to(STATE.TRAILER_LF, false);
        return FIELD_VALUE[c] === 1 ? false : this.#to(STATE.BROKEN, false);
      default:
        return this.#to(c === LF ? STATE.TRAILER_START : STATE.BROKEN, false);
    }
  }

  #to(state: number, pass: boolean): boolean {
    this.#state = state;
    return pass && state !== STATE.BROKEN;
  }
}
