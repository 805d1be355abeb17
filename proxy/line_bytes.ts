import { escapeJson } from "./log_text.ts";

const ZERO = 48;
const POINT = 46;
const SP = 32;
const QUOTE = 34;
const BACKSLASH = 92;
const TILDE = 126;

/** 1: stands in a string of JSON as it is. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, c) =>
  c >= SP && c <= TILDE && c !== QUOTE && c !== BACKSLASH ? 1 : 0,
);

/** Bytes of one line of text, put together in place: strings that are joined and then encoded cost three times as much. */
export class LineBytes {
  readonly bytes: Buffer;
  length = 0;

  constructor(bytesMax: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytesMax);
  }

  /** ASCII text. */
  text(text: string): void {
    this.length += this.bytes.write(text, this.length, "latin1");
  }

  /** Bytes that were text once. */
  copy(piece: Buffer): void {
    this.length += piece.copy(this.bytes, this.length);
  }

  /** from[start, end) within the quotes of a JSON string, cut off at `charsMax`. */
  quoted(from: Buffer, start: number, end: number, charsMax: number): void {
    const cut = Math.min(end, start + charsMax);
    if (isPlain(from, start, cut)) this.length += from.copy(this.bytes, this.length, start, cut);
    else this.text(escapeJson(from.toString("utf8", start, cut), charsMax));
  }

  /** A whole number from 0 on. */
  count(n: number): void {
    if (n > 0x7fffffff) return this.text(String(n));
    let digits = 1;
    for (let limit = 10; digits < 10 && n >= limit; limit *= 10) digits++;
    let rest = n | 0;
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const tens = (rest / 10) | 0;
      this.bytes[at] = ZERO + rest - tens * 10;
      rest = tens;
    }
    this.length += digits;
  }

  /** To a hundredth. */
  hundredths(n: number): void {
    const rounded = Math.round(n * 100);
    const whole = Math.floor(rounded / 100);
    const rest = rounded - whole * 100;
    this.count(whole);
    if (rest === 0) return;
    const tens = (rest / 10) | 0;
    this.bytes[this.length++] = POINT;
    this.bytes[this.length++] = ZERO + tens;
    this.bytes[this.length++] = ZERO + rest - tens * 10;
  }

  /** `digits` of a number, with zeros before it, at a place that was written already. */
  fixed(n: number, at: number, digits: number): void {
    let rest = n;
    for (let i = at + digits - 1; i >= at; i--) {
      const tens = (rest / 10) | 0;
      this.bytes[i] = ZERO + rest - tens * 10;
      rest = tens;
    }
  }
}

/** Four at a time: most of a line was said by the client. */
function isPlain(bytes: Buffer, from: number, end: number): boolean {
  let at = from;
  for (const last = end - 4; at <= last; at += 4) {
    if ((PLAIN[bytes[at]!]! & PLAIN[bytes[at + 1]!]! & PLAIN[bytes[at + 2]!]! & PLAIN[bytes[at + 3]!]!) === 0)
      return false;
  }
  while (at < end) if (PLAIN[bytes[at++]!] === 0) return false;
  return true;
}
