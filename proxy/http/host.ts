import { AUTHORITY, COLON } from "./octets.ts";

const OPEN = 91;
const CLOSE = 93;

/** A Host or authority that is not one. */
export const BAD_HOST = -1;

/**
 * Checks "name", "name:port", "1.2.3.4:port" or "[v6]:port" (RFC 9110 §7.2, RFC 3986 §3.2 without userinfo). The index
 * where the name ends and the port may begin, or BAD_HOST. An empty one is bad: nobody can be meant by it.
 */
export function readAuthority(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  if (bytes[at] === OPEN && at < end) {
    while (at < end && bytes[at] !== CLOSE) {
      if (!isV6(bytes[at++]!)) return BAD_HOST;
    }
    if (at === end || at - from < 3) return BAD_HOST;
    at++;
  } else {
    while (at < end && AUTHORITY[bytes[at]!] === 1) at++;
  }
  if (at === from) return BAD_HOST;
  return at === end || isPort(bytes, at, end) ? at : BAD_HOST;
}

function isV6(octet: number): boolean {
  return (
    octet === OPEN ||
    octet === COLON ||
    octet === 46 ||
    isDigit(octet) ||
    ((octet | 32) - 97 < 6 && (octet | 32) >= 97)
  );
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
