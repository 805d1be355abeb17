/** The X- fields of a request in which a proxy says where it came from. */
import type { FieldTable } from "./field_table.ts";
import { octets, spells, spellsLoosely } from "./octets.ts";

const X_REAL_IP = octets("x-real-ip");
const X_REQUEST_ID = octets("x-request-id");
const X_FORWARDED = octets("x-forwarded-");
/** What follows "x-forwarded-" in those that we write ourselves. */
const OURS = ["for", "host", "prefix", "proto"].map(octets);
const UNDERSCORE = 95;

/**
 * Drops what we say ourselves. Apps believe other X-Forwarded fields too (-Port, -Ssl, -Scheme, -User, …): those are
 * doubted, and dropped when they are spelled with "_", as no proxy does.
 */
export function readOrigin(
  bytes: Uint8Array,
  i: number,
  name: number,
  nameEnd: number,
  table: FieldTable,
): void {
  const familyEnd = name + X_FORWARDED.length;
  if (nameEnd > familyEnd && spellsLoosely(bytes, name, familyEnd, X_FORWARDED)) {
    const ours = OURS.some((rest) => spells(bytes, familyEnd, nameEnd, rest));
    if (ours || bytes.subarray(name, nameEnd).includes(UNDERSCORE)) table.drop(i);
    else table.doubt(i);
  } else if (
    spellsLoosely(bytes, name, nameEnd, X_REAL_IP) ||
    spellsLoosely(bytes, name, nameEnd, X_REQUEST_ID)
  )
    table.drop(i);
}
