import { BAD } from "./field_table.ts";
import { BAD_HOST, readAuthority } from "./host.ts";
import { octets, spells } from "./octets.ts";
import type { RequestHead } from "./request_head.ts";

const OK = 0;
const METHOD_NOT_ALLOWED = -405;
const SLASH = 47;
const ASTERISK = 42;
const QUESTION = 63;
const CONNECT = octets("connect");
const OPTIONS = octets("options");
const SCHEMES = [octets("http://"), octets("https://")];

/** The four forms of a target (RFC 9112 §3.2). 0, or minus the status that refuses it. */
export function readTarget(bytes: Uint8Array, head: RequestHead): number {
  const { targetStart, targetEnd } = head;
  head.pathStart = targetStart;
  // We are no forward proxy: a tunnel to anywhere is not on offer (RFC 9110 §9.3.6).
  if (spells(bytes, head.start, head.methodEnd, CONNECT)) return METHOD_NOT_ALLOWED;
  if (bytes[targetStart] === SLASH) return OK;
  if (bytes[targetStart] === ASTERISK) {
    return targetEnd === targetStart + 1 && spells(bytes, head.start, head.methodEnd, OPTIONS) ? OK : BAD;
  }
  for (const scheme of SCHEMES) {
    const authority = targetStart + scheme.length;
    if (authority < targetEnd && spells(bytes, targetStart, authority, scheme))
      return readAbsolute(bytes, authority, head);
  }
  return BAD;
}

/** The authority must be the Host's: which of the two a server believes is not known (RFC 9112 §3.2.2). */
function readAbsolute(bytes: Uint8Array, authority: number, head: RequestHead): number {
  let at = authority;
  while (at < head.targetEnd && bytes[at] !== SLASH && bytes[at] !== QUESTION) at++;
  const nameEnd = readAuthority(bytes, authority, at);
  if (nameEnd === BAD_HOST) return BAD;
  head.pathStart = at;
  if (head.hostEnd === 0) {
    head.hostInTarget = true;
    head.hostStart = authority;
    head.hostNameEnd = nameEnd;
    head.hostEnd = at;
    return OK;
  }
  const host = Buffer.from(bytes.subarray(head.hostStart, head.hostEnd)).toString("latin1").toLowerCase();
  const named = Buffer.from(bytes.subarray(authority, at)).toString("latin1").toLowerCase();
  return host === named ? OK : BAD;
}
