const DIGITS = Uint8Array.from("0123456789abcdef", (c) => c.charCodeAt(0));
const PREFIX_BYTES = 12;
/** Odd, so that multiplying by it mod 2^32 maps every number to another one. */
const MIX = 0x9e3779b1;
const SPAN_MIX = 0x85ebca6b;
const SPAN_PREFIX_CHARS = 8;
const WORD = "00000000";

/**
 * The id of a request: 32 hexadecimal digits, 24 of them drawn at random for this process and 8 made from the
 * request's number, so that an exchange keeps a number only. The same digits are the trace id of `traceparent`
 * (W3C Trace Context §3.2), which says "not sampled".
 */
export class RequestIds {
  #number = 0;
  /** Both fields as they stand in a request, but for three words of digits. */
  #fields!: Buffer;
  #idAt = 0;
  #traceAt = 0;
  #spanAt = 0;

  constructor() {
    this.#draw();
  }

  next(): number {
    this.#number = (this.#number + 1) >>> 0;
    if (this.#number === 0) this.#draw();
    return this.#number;
  }

  /** The fields X-Request-ID and traceparent with their line ends; the same bytes are written over by the next call. */
  fields(number: number): Buffer {
    const fields = this.#fields;
    const word = Math.imul(number, MIX);
    writeWord(word, fields, this.#idAt);
    writeWord(word, fields, this.#traceAt);
    writeWord(Math.imul(number, SPAN_MIX), fields, this.#spanAt);
    return fields;
  }

  /** Writes what text() would say to out[to, …); its length. */
  write(number: number, out: Buffer, to: number): number {
    const prefix = this.#fields.copy(out, to, this.#idAt - 2 * PREFIX_BYTES, this.#idAt);
    writeWord(Math.imul(number, MIX), out, to + prefix);
    return prefix + WORD.length;
  }

  text(number: number): string {
    return this.fields(number).toString("latin1", this.#idAt + WORD.length - 32, this.#idAt + WORD.length);
  }

  traceparent(number: number): string {
    const start = this.#traceAt + WORD.length - 35;
    return this.fields(number).toString("latin1", start, start + 55);
  }

  #draw(): void {
    // The first digit is no zero, so that neither id is all zeros, which would be invalid.
    const prefix = `1${Buffer.from(crypto.getRandomValues(new Uint8Array(PREFIX_BYTES)))
      .toString("hex")
      .slice(1)}`;
    const id = `X-Request-ID: ${prefix}`;
    const trace = `${id}${WORD}\r\ntraceparent: 00-${prefix}`;
    const span = `${trace}${WORD}-${prefix.slice(0, SPAN_PREFIX_CHARS)}`;
    this.#idAt = id.length;
    this.#traceAt = trace.length;
    this.#spanAt = span.length;
    this.#fields = Buffer.from(`${span}${WORD}-00\r\n`, "latin1");
  }
}

function writeWord(word: number, out: Uint8Array, to: number): void {
  for (let shift = 28, at = to; shift >= 0; shift -= 4) out[at++] = DIGITS[(word >>> shift) & 15]!;
}
