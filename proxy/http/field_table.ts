import { COLON, CR, FIELD_VALUE, HTAB, LF, SP, TOKEN } from "./octets.ts";

/** The head is not whole yet. */
export const MORE = 0;
/** Results below zero are refusals. */
export const BAD = -400;
export const TOO_MANY_FIELDS = -431;

/** More fields than any limit allows. */
const CAPACITY = 1024;

/** Where each field of one head stands in its bytes; reused from head to head. */
export class FieldTable {
  count = 0;
  /** The head that was read last: whose fields these are. */
  owner: object | null = null;
  /** Four a field: name start, name end, value start, value end (trimmed). */
  readonly spans = new Int32Array(CAPACITY * 4);
  /** 1: not passed on. */
  readonly dropped = new Uint8Array(CAPACITY);
  /** How many are dropped. */
  drops = 0;

  drop(index: number): void {
    if (this.dropped[index] === 0) this.drops++;
    this.dropped[index] = 1;
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
  const { spans } = table;
  let at = from;
  let count = 0;
  for (;;) {
    if (at >= end) return MORE;
    if (bytes[at] === CR) {
      if (at + 1 >= end) return MORE;
      if (bytes[at + 1] !== LF) return BAD;
      table.dropped.fill(0, 0, count);
      table.drops = 0;
      table.count = count;
      return at + 2;
    }
    if (count === most || count === CAPACITY) return TOO_MANY_FIELDS;
    const nameStart = at;
    while (at < end && TOKEN[bytes[at]!] === 1) at++;
    if (at >= end) return MORE;
    if (bytes[at] !== COLON || at === nameStart) return BAD;
    const nameEnd = at++;
    while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
    const valueStart = at;
    while (at < end && FIELD_VALUE[bytes[at]!] === 1) at++;
    if (at >= end) return MORE;
    if (bytes[at] !== CR) return BAD;
    if (at + 1 >= end) return MORE;
    if (bytes[at + 1] !== LF) return BAD;
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
    const entry = count++ * 4;
    spans[entry] = nameStart;
    spans[entry + 1] = nameEnd;
    spans[entry + 2] = valueStart;
    spans[entry + 3] = valueEnd;
    at += 2;
  }
}

/**
 * Copies the fields that are kept, with their line ends, from `bytes` to `out` at `to`; `end` is the index of the
 * empty line. Neighbours are copied together. The index after the copy.
 */
export function copyKeptFields(
  bytes: Buffer,
  end: number,
  table: FieldTable,
  out: Buffer,
  to: number,
): number {
  const { spans, dropped, count } = table;
  if (count === 0) return to;
  let at = to;
  let from = spans[0]!;
  if (table.drops > 0) {
    for (let i = 0; i < count; i++) {
      if (dropped[i] === 0) continue;
      at = copy(bytes, from, spans[i * 4]!, out, at);
      from = i + 1 < count ? spans[(i + 1) * 4]! : end;
    }
  }
  return copy(bytes, from, end, out, at);
}

/** Copies bytes[from, end) to out at `to`; the index after it. */
export function copy(bytes: Buffer, from: number, end: number, out: Buffer, to: number): number {
  if (end <= from) return to;
  bytes.copy(out, to, from, end);
  return to + end - from;
}
