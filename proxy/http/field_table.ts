import { COLON, CR, FIELD_VALUE, HTAB, LF, SP, TOKEN } from "./octets.ts";

/** The head is not whole yet. */
export const MORE = 0;
/** Results below zero are refusals. */
export const BAD = -400;
export const TOO_MANY_FIELDS = -431;

/** More fields than any limit allows. */
const FIELDS_MAX = 1024;
/** Most heads have fewer. */
const FIELDS_USUAL = 16;

const DROPPED = 1;
const CLAIMED = 2;

/** Where each field of one head stands in its bytes; reused from head to head, and as large as the largest was. */
export class FieldTable {
  count = 0;
  /** Four a field: name start, name end, value start, value end (trimmed). */
  spans = new Int32Array(FIELDS_USUAL * 4);
  /** 0: passed on; DROPPED, or CLAIMED. */
  dropped = new Uint8Array(FIELDS_USUAL);
  /** How many are dropped. */
  drops = 0;

  /** Has room for twice as many fields. */
  grow(): void {
    const { spans, dropped } = this;
    this.spans = new Int32Array(spans.length * 2);
    this.spans.set(spans);
    this.dropped = new Uint8Array(dropped.length * 2);
    this.dropped.set(dropped);
  }

  drop(index: number): void {
    if (this.dropped[index] === 0) this.drops++;
    this.dropped[index] = DROPPED;
  }

  /** Not passed on, unless somebody trusted says it. */
  doubt(index: number): void {
    if (this.dropped[index] !== 0) return;
    this.drops++;
    this.dropped[index] = CLAIMED;
  }

  /** What was only doubted is passed on. */
  believe(): void {
    for (let i = 0; i < this.count; i++) {
      if (this.dropped[i] !== CLAIMED) continue;
      this.drops--;
      this.dropped[i] = 0;
    }
  }
}

/**
 * Reads field lines up to and with the empty line (RFC 9112 §5), checking every octet once. The index after the empty
 * line, MORE, BAD or TOO_MANY_FIELDS. Refuses bare CR and LF, folded lines, and space before the colon.
 */
export function scanFields(
  bytes: Uint8Array,
  from: number,
  end: number,
  table: FieldTable,
  most: number,
): number {
  let { spans } = table;
  let at = from;
  let count = 0;
  for (;;) {
    if (at >= end) return MORE;
    if (bytes[at] === CR) {
      if (at + 1 >= end) return MORE;
      if (bytes[at + 1] !== LF) return BAD;
      if (table.drops > 0) table.dropped.fill(0, 0, table.count);
      table.drops = 0;
      table.count = count;
      return at + 2;
    }
    if (count === most || count === FIELDS_MAX) return TOO_MANY_FIELDS;
    const nameStart = at;
    while (at < end && TOKEN[bytes[at]!] === 1) at++;
    if (at >= end) return MORE;
    if (bytes[at] !== COLON || at === nameStart) return BAD;
    const nameEnd = at++;
    while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
    const valueStart = at;
    at = skipValue(bytes, at, end);
    if (at >= end) return MORE;
    if (bytes[at] !== CR) return BAD;
    if (at + 1 >= end) return MORE;
    if (bytes[at + 1] !== LF) return BAD;
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
    const entry = count++ * 4;
    if (entry === spans.length) {
      table.grow();
      spans = table.spans;
    }
    spans[entry] = nameStart;
    spans[entry + 1] = nameEnd;
    spans[entry + 2] = valueStart;
    spans[entry + 3] = valueEnd;
    at += 2;
  }
}

/** The index of the first octet that no field value holds. Four at a time: most of a head is values. */
function skipValue(bytes: Uint8Array, from: number, end: number): number {
  const allowed = FIELD_VALUE;
  let at = from;
  for (const last = end - 4; at <= last; at += 4) {
    const four =
      allowed[bytes[at]!]! & allowed[bytes[at + 1]!]! & allowed[bytes[at + 2]!]! & allowed[bytes[at + 3]!]!;
    if (four !== 1) break;
  }
  while (at < end && allowed[bytes[at]!] === 1) at++;
  return at;
}

/**
 * Copies the fields that are kept, with their line ends, and what stands before them from `from` on, to `out` at `to`;
 * `end` is the index of the empty line. Neighbours are copied together. The index after the copy.
 */
export function copyKeptFields(
  bytes: Buffer,
  from: number,
  end: number,
  table: FieldTable,
  out: Buffer,
  to: number,
): number {
  const { spans, dropped, count, drops } = table;
  let at = to;
  let start = from;
  for (let i = 0, left = drops; left > 0 && i < count; i++) {
    if (dropped[i] === 0) continue;
    left--;
    at = copy(bytes, start, spans[i * 4]!, out, at);
    start = i + 1 < count ? spans[(i + 1) * 4]! : end;
  }
  return copy(bytes, start, end, out, at);
}

/** Copies bytes[from, end) to out at `to`; the index after it. */
export function copy(bytes: Buffer, from: number, end: number, out: Buffer, to: number): number {
  if (end <= from) return to;
  bytes.copy(out, to, from, end);
  return to + end - from;
}
