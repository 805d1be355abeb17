/** The value of an Upgrade field (RFC 9110 §7.8): protocols in the order of preference. */
import { HTAB, octets, SP, spells } from "./octets.ts";

const COMMA = 44;
const SLASH = 47;
const SEMICOLON = 59;

/** HTTP in another form, or what may hold it (RFC 7540 §3.2, RFC 2817). */
const CARRIERS = ["h2c", "h2", "http", "tls"].map(octets);

/**
 * Whether bytes[from, end) asks for a protocol that would carry further requests past us. One among others is enough:
 * the server chooses.
 */
export function carriesRequests(bytes: Uint8Array, from: number, end: number): boolean {
  let at = from;
  while (at < end) {
    while (at < end && separates(bytes[at]!)) at++;
    const start = at;
    while (at < end && !endsName(bytes[at]!)) at++;
    const nameEnd = at;
    if (CARRIERS.some((name) => spells(bytes, start, nameEnd, name))) return true;
    while (at < end && bytes[at] !== COMMA) at++;
  }
  return false;
}

function separates(octet: number): boolean {
  return octet === COMMA || octet === SP || octet === HTAB;
}

/** A name goes up to its version, or to whatever else no name holds. */
function endsName(octet: number): boolean {
  return separates(octet) || octet === SLASH || octet === SEMICOLON;
}
