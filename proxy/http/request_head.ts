import type { ConnectionOptions } from "./connection_options.ts";
import { NO_LENGTH } from "./content_length.ts";
import { BAD, FieldTable, MORE, scanFields } from "./field_table.ts";
import { CR, LF, octets, PATH, PATH_ODD, PATH_PAIRED, SP, spells, TARGET, TOKEN } from "./octets.ts";
import { understandRequest } from "./request_fields.ts";

export const TARGET_TOO_LONG = -414;
const HEAD_TOO_LARGE = -431;
const METHOD_BYTES_MAX = 64;
const VERSION_NOT_SUPPORTED = -505;
const OK = 0;

const HTTP_1 = octets("HTTP/1.");

export interface RequestLimits {
  headBytesMax: number;
  targetBytesMax: number;
  fieldsMax: number;
}

/** One request head: where its parts stand in the bytes it was read from, and what it asks for. Reused. */
export class RequestHead implements ConnectionOptions {
  /** Index of the first octet of the method: empty lines before it are not part of the head. */
  start = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** Where the path begins within the target; after the authority in absolute-form. */
  pathStart = 0;
  /** The path may have other spellings: it can't be compared as it is. */
  odd = false;
  hostStart = 0;
  /** Where the host's name ends, before its port. */
  hostNameEnd = 0;
  hostEnd = 0;
  /** The Host field was missing and the target names the host. */
  hostInTarget = false;
  /** Index of the first field. */
  fieldsStart = 0;
  /** Index of the empty line that ends the fields. */
  fieldsEnd = 0;
  /** 0 or 1: a higher minor version is read as the highest that we know (RFC 9110 §2.5). */
  minor = 1;
  contentLength = NO_LENGTH;
  chunked = false;
  close = false;
  keepAlive = false;
  upgrade = false;
  /** It carries credentials that hold for the connection it goes out on. */
  bindsConnection = false;
  /** Where the values of these fields begin, for the log; 0 when absent. */
  userAgent = 0;
  referer = 0;
  /** Index of the first Connection field, -1 when absent. */
  connectionField = -1;
  /** The client waits for a 100 before it sends the body (RFC 9110 §10.1.1). */
  expects = false;
  /** Index of the Upgrade field, -1 when absent. */
  upgradeField = -1;
  /** Its own: it is sent, and sent again, after other heads were read. */
  readonly fields = new FieldTable();
}

/**
 * Reads a request head (RFC 9112 §2–§3) from bytes[from, end). The index after the head, MORE, or minus the status that
 * refuses it. Hop-by-hop fields and those that Connection names are marked dropped in `head.fields`.
 */
export function parseRequestHead(
  bytes: Uint8Array,
  from: number,
  end: number,
  head: RequestHead,
  limits: RequestLimits,
): number {
  const limit = Math.min(end, from + limits.headBytesMax);
  const after = parseWithin(bytes, from, limit, head, limits);
  return after === MORE && end - from >= limits.headBytesMax ? HEAD_TOO_LARGE : after;
}

function parseWithin(
  bytes: Uint8Array,
  from: number,
  end: number,
  head: RequestHead,
  limits: RequestLimits,
): number {
  let at = from;
  // A server should ignore empty lines before the request line (RFC 9112 §2.2).
  while (at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF) at += 2;
  if (at >= end || (bytes[at] === CR && at + 1 === end)) return MORE;
  head.start = at;
  while (at < end && TOKEN[bytes[at]!] === 1) at++;
  if (at - head.start > METHOD_BYTES_MAX) return BAD;
  if (at >= end) return MORE;
  if (bytes[at] !== SP || at === head.start) return BAD;
  head.methodEnd = at++;
  head.targetStart = at;
  let odd = 0;
  for (let before = 0; at < end; at++) {
    const kind = PATH[bytes[at]!]!;
    if (kind === 0) break;
    odd |= (kind & PATH_ODD) | ((before >> 1) & kind & PATH_PAIRED);
    before = kind;
  }
  head.odd = odd !== 0;
  while (at < end && TARGET[bytes[at]!] === 1) at++;
  if (at - head.targetStart > limits.targetBytesMax) return TARGET_TOO_LONG;
  if (at >= end) return MORE;
  if (bytes[at] !== SP || at === head.targetStart) return BAD;
  head.targetEnd = at++;
  const versionStart = at;
  for (let i = 0; i < HTTP_1.length; i++, at++) {
    if (at >= end) return MORE;
    if (bytes[at] !== HTTP_1[i]) return versionRefusal(bytes, versionStart, end);
  }
  if (at + 2 >= end) return MORE;
  const minor = bytes[at]! - 48;
  if (minor < 0 || minor > 9) return BAD;
  head.minor = Math.min(minor, 1);
  if (bytes[at + 1] !== CR || bytes[at + 2] !== LF) return BAD;
  head.fieldsStart = at + 3;
  const after = scanFields(bytes, at + 3, end, head.fields, limits.fieldsMax);
  if (after <= 0) return after;
  head.fieldsEnd = after - 2;
  const refusal = understandRequest(bytes, head);
  return refusal === OK ? after : refusal;
}

/** An HTTP/2 preface or another major version is no HTTP/1 request; whatever it is, we don't speak it here. */
function versionRefusal(bytes: Uint8Array, at: number, end: number): number {
  const major = bytes.subarray(at, Math.min(end, at + 6));
  return spells(major, 0, major.length, octets("http/2")) || spells(major, 0, major.length, octets("http/3"))
    ? VERSION_NOT_SUPPORTED
    : BAD;
}
