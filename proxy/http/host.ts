import { isIPv6 } from "node:net";
import { AUTHORITY, COLON } from "./octets.ts";

const OPEN = 91;
const CLOSE = 93;
const DOT = 46;
/** Longer ones are no IPv6 address. */
const V6_BYTES_MAX = 45;

/** A Host or authority that is not one. */
export const BAD_HOST = -1;

/**
 * Checks "name", "name:port", "1.2.3.4:port" or "[v6]:port" (RFC 9110 §7.2, RFC 3986 §3.2 without userinfo). The index
 * where the name ends and the port may begin, or BAD_HOST. An empty one is bad: nobody can be meant by it; so is one
 * with an empty label, but for the root's behind the last dot.
 */
export function readAuthority(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  if (bytes[at] === OPEN && at < end) {
    while (at < end && bytes[at] !== CLOSE) at++;
    if (at === end || !isV6(bytes, from + 1, at)) return BAD_HOST;
    at++;
  } else {
    while (at < end && AUTHORITY[bytes[at]!] === 1) {
      if (bytes[at] === DOT && (at === from || bytes[at - 1] === DOT)) return BAD_HOST;
      at++;
    }
  }
  if (at === from) return BAD_HOST;
  return at === end || isPort(bytes, at, end) ? at : BAD_HOST;
}

function isV6(bytes: Uint8Array, from: number, end: number): boolean {
  if (end - from > V6_BYTES_MAX) return false;
  const text = String.fromCharCode(...bytes.subarray(from, end));
  // A zone ("%eth0") means something on one machine only: RFC 3986 §3.2.2 has none.
  return !text.includes("%") && isIPv6(text);
}

/** ":" and up to five digits, no more than 65535; the digits may be missing (RFC 3986 §3.2.3). */
function isPort(bytes: Uint8Array, at: number, end: number): boolean {
  if (bytes[at] !== COLON || end - at > 6) return false;
  let port = 0;
  for (let i = at + 1; i < end; i++) {
    if (!isDigit(bytes[i]!)) return false;
    port = port * 10 + bytes[i]! - 48;
  }
  return port <= 65535;
}

function isDigit(octet: number): boolean {
  return octet >= 48 && octet <= 57;
}
