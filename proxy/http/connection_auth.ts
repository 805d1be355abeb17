/** Authentication of a connection instead of a request (RFC 4559 §6; [MS-NTHT]). */
import { HTAB, octets, SP, spells } from "./octets.ts";

const COMMA = 44;
const SCHEMES = ["ntlm", "negotiate", "nego2", "credssp"].map(octets);

/**
 * Whether bytes[from, end), the value of a field of challenges or credentials (RFC 9110 §11), speaks of such a scheme.
 * A comma within quotes is taken for the start of a challenge: a connection too many that is shared with nobody.
 */
export function bindsConnection(bytes: Uint8Array, from: number, end: number): boolean {
  let at = from;
  while (at < end) {
    while (at < end && (bytes[at] === COMMA || isSpace(bytes[at]!))) at++;
    const start = at;
    while (at < end && bytes[at] !== COMMA && !isSpace(bytes[at]!)) at++;
    const schemeEnd = at;
    if (SCHEMES.some((scheme) => spells(bytes, start, schemeEnd, scheme))) return true;
    while (at < end && bytes[at] !== COMMA) at++;
  }
  return false;
}

function isSpace(octet: number): boolean {
  return octet === SP || octet === HTAB;
}
