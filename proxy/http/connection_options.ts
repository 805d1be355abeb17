import type { FieldTable } from "./field_table.ts";
import { HTAB, octets, SP, spells } from "./octets.ts";

const CLOSE = octets("close");
const KEEP_ALIVE = octets("keep-alive");
const UPGRADE = octets("upgrade");
/** Fields that frame or address the message: naming them in Connection must not make them disappear. */
const NEVER_HOP_BY_HOP = ["host", "content-length", "transfer-encoding", "connection"].map(octets);
const COMMA = 44;

/** What the Connection fields of one head said (RFC 9110 §7.6.1). */
export interface ConnectionOptions {
  close: boolean;
  keepAlive: boolean;
  upgrade: boolean;
}

/** Reads all Connection fields, from the first one on, into `options`, and drops every field that they name. */
export function readConnections(
  bytes: Uint8Array,
  first: number,
  name: Uint8Array,
  table: FieldTable,
  options: ConnectionOptions,
): void {
  const { spans, count } = table;
  for (let i = first; i < count; i++) {
    const entry = i * 4;
    if (!spells(bytes, spans[entry]!, spans[entry + 1]!, name)) continue;
    readOptions(bytes, spans[entry + 2]!, spans[entry + 3]!, table, options);
  }
}

function readOptions(
  bytes: Uint8Array,
  from: number,
  end: number,
  table: FieldTable,
  options: ConnectionOptions,
): void {
  let at = from;
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
    else dropNamed(bytes, start, stop, table);
  }
}

function dropNamed(bytes: Uint8Array, from: number, end: number, table: FieldTable): void {
  const name = bytes.slice(from, end).map((c) => (c >= 65 && c <= 90 ? c | 32 : c));
  if (NEVER_HOP_BY_HOP.some((kept) => Buffer.compare(kept, name) === 0)) return;
  for (let i = 0; i < table.count; i++) {
    if (spells(bytes, table.spans[i * 4]!, table.spans[i * 4 + 1]!, name)) table.drop(i);
  }
}
