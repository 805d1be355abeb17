const HEX = "0123456789abcdef";
const DIGITS = Uint8Array.from(HEX, (c) => c.charCodeAt(0));
const PREFIX_BYTES = 12;
/** Odd, so that multiplying by it mod 2^32 maps every number to another one. */
const MIX = 0x9e3779b1;
const SPAN_MIX = 0x85ebca6b;
const TRACE_START = Uint8Array.from("00-", (c) => c.charCodeAt(0));

/**
 * The id of a request: 32 hexadecimal digits, 24 of them drawn at random for this process and 8 made from the
 * request's number, so an exchange keeps a number only. The same digits are the trace id of `traceparent`.
 */
export class RequestIds {
  #prefix = randomHex(PREFIX_BYTES);
  #number = 0;
  readonly #text = Buffer.alloc(64);

  next(): number {
    this.#number = (this.#number + 1) >>> 0;
    if (this.#number === 0) this.#prefix = randomHex(PREFIX_BYTES);
    return this.#number;
  }

  /** Writes the 32 digits to `out`; the index after them. */
  write(number: number, out: Uint8Array, to: number): number {
    out.set(this.#prefix, to);
    return writeWord(Math.imul(number, MIX), out, to + this.#prefix.length);
  }

  /** Writes "00-TRACE-SPAN-00" (W3C Trace Context §3.2), not sampled; the index after it. */
  writeTraceparent(number: number, out: Uint8Array, to: number): number {
    out.set(TRACE_START, to);
    let at = this.write(number, out, to + TRACE_START.length);
    out[at++] = 45;
    out.set(this.#prefix.subarray(0, 8), at);
    at = writeWord(Math.imul(number, SPAN_MIX), out, at + 8);
    out[at] = 45;
    out[at + 1] = out[at + 2] = 48;
    return at + 3;
  }

  text(number: number): string {
    this.write(number, this.#text, 0);
    return this.#text.toString("latin1", 0, 32);
  }

  traceparent(number: number): string {
    return this.#text.toString("latin1", 0, this.writeTraceparent(number, this.#text, 0));
  }
}

function writeWord(word: number, out: Uint8Array, to: number): number {
  for (let shift = 28, at = to; shift >= 0; shift -= 4) out[at++] = DIGITS[(word >>> shift) & 15]!;
  return to + 8;
}

/** Never all zeros, which a span id may not be. */
function randomHex(bytes: number): Uint8Array {
  const hex = Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");
  return Uint8Array.from(`1${hex.slice(1)}`, (c) => c.charCodeAt(0));
}
