import type { FieldTable } from "./field_table.ts";
import { HTAB, octets, SP, spells } from "./octets.ts";

const CLOSE = octets("close");
const KEEP_ALIVE = octets("keep-alive");
const UPGRADE = octets("upgrade");
/** Fields that frame or address the message: naming them in Connection must not make them disappear. */
const NEVER_HOP_BY_HOP = ["host", "content-length", "transfer-encoding", "connection"].map(octets);
const COMMA = 44;
/**
 * Of all names of fields, each with its comma. Each is held against every field, so that without a limit one head could
 * cost as much as a hundred; nothing honest names so many.
 */
const NAMED_BYTES_MAX = 512;

/** What the Connection fields of one head said (RFC 9110 §7.6.1). */
export interface ConnectionOptions {
  close: boolean;
  keepAlive: boolean;
  upgrade: boolean;
}

/**
 * Reads all Connection fields, from the first one on, into `options`, and drops every field that they name. False when
 * those are more than NAMED_BYTES_MAX.
 */
export function readConnections(
  bytes: Uint8Array,
  first: number,
  name: Uint8Array,
  table: FieldTable,
  options: ConnectionOptions,
): boolean {
  const { spans, count } = table;
  let named = 0;
  for (let i = first; i < count; i++) {
    const entry = i * 4;
    if (!spells(bytes, spans[entry]!, spans[entry + 1]!, name)) continue;
    named += readOptions(
      bytes,
      spans[entry + 2]!,
      spans[entry + 3]!,
      table,
      options,
      NAMED_BYTES_MAX - named,
    );
    if (named > NAMED_BYTES_MAX) return false;
  }
  return true;
}

/** How many bytes named fields; more than `most` when it ended at that. */

function readOptions(
  bytes: Uint8Array,
  from: number,
  end: number,
  table: FieldTable,
  options: ConnectionOptions,
  most: number,
): number {
  let at = from;
  let named = 0;
  while (at < end) {
    while (at < end && (bytes[at] === COMMA || bytes[at] === SP || bytes[at] === HTAB)) at++;
    const start = at;
    while (at < end && bytes[at] !== COMMA) at++;
    let stop = at;
    while (stop > start && (bytes[stop - 1] === SP || bytes[stop - 1] === HTAB)) stop--;
    if (stop === start) continue;
    if (spells(bytes, start, stop, CLOSE)) options.close = true;
    else if (spells(bytes, start, stop, KEEP_ALIVE)) options.keepAlive = true;
    else if (spells(bytes, start, stop, UPGRADE)) options.upgrade = true;
    else {
      named += stop - start + 1;
      if (named > most) return named;
      dropNamed(bytes, start, stop, table);
    }
  }
  return named;
}

function dropNamed(bytes: Uint8Array, from: number, end: number, table: FieldTable): void {
  for (const kept of NEVER_HOP_BY_HOP) if (spells(bytes, from, end, kept)) return;
  const { spans, count } = table;
  for (let i = 0; i < count; i++) {
    if (sameName(bytes, from, end, spans[i * 4]!, spans[i * 4 + 1]!)) table.drop(i);
  }
}

/** Whether two stretches spell the same name, in any case. */
function sameName(bytes: Uint8Array, from: number, end: number, other: number, otherEnd: number): boolean {
  if (end - from !== otherEnd - other) return false;
  for (let i = 0; i < end - from; i++) if (lower(bytes[from + i]!) !== lower(bytes[other + i]!)) return false;
  return true;
}

function lower(octet: number): number {
  return octet >= 65 && octet <= 90 ? octet | 32 : octet;
}
