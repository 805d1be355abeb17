import { type ConnectionOptions, readConnections } from "./connection_options.ts";
import { BAD_LENGTH, NO_LENGTH, readContentLength } from "./content_length.ts";
import { BAD, FieldTable, MORE, scanFields } from "./field_table.ts";
import { BAD_HOST, readAuthority } from "./host.ts";
import { CR, LF, octets, SP, spells, TARGET, TOKEN } from "./octets.ts";

export const TARGET_TOO_LONG = -414;
const HEAD_TOO_LARGE = -431;
const METHOD_BYTES_MAX = 64;
const METHOD_NOT_ALLOWED = -405;
const VERSION_NOT_SUPPORTED = -505;
const OK = 0;
const SLASH = 47;
const ASTERISK = 42;
const QUESTION = 63;

const HTTP_1 = octets("HTTP/1.");
const CHUNKED = octets("chunked");
const CONTINUE = octets("100-continue");
const CONNECT = octets("connect");
const OPTIONS = octets("options");
const SCHEMES = [octets("http://"), octets("https://")];
const NAME = {
  te: octets("te"),
  host: octets("host"),
  expect: octets("expect"),
  upgrade: octets("upgrade"),
  trailer: octets("trailer"),
  forwarded: octets("forwarded"),
  xRealIp: octets("x-real-ip"),
  connection: octets("connection"),
  keepAlive: octets("keep-alive"),
  tracestate: octets("tracestate"),
  traceparent: octets("traceparent"),
  xRequestId: octets("x-request-id"),
  contentLength: octets("content-length"),
  xForwardedFor: octets("x-forwarded-for"),
  xForwardedHost: octets("x-forwarded-host"),
  proxyConnection: octets("proxy-connection"),
  xForwardedProto: octets("x-forwarded-proto"),
  transferEncoding: octets("transfer-encoding"),
};

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
  minor = 1;
  contentLength = NO_LENGTH;
  chunked = false;
  close = false;
  keepAlive = false;
  upgrade = false;
  expectContinue = false;
  /** Index of the first Connection field, -1 when absent. */
  connectionField = -1;
  /** X-Forwarded-*, X-Real-IP, X-Request-ID or traceparent came with the request; we write our own. */
  hasForwarded = false;
  /** Index of the Upgrade field, -1 when absent. */
  upgradeField = -1;
}

/** The fields of the request head that was parsed last. Valid until the next parse. */
export const requestFields = new FieldTable();

/**
 * Reads a request head (RFC 9112 §2–§3) from bytes[from, end). The index after the head, MORE, or minus the status that
 * refuses it. Hop-by-hop fields and those that Connection names are marked dropped in `requestFields`.
 */
export function parseRequestHead(
  bytes: Uint8Array,
  from: number,
  end: number,
  head: RequestHead,
  limits: RequestLimits,
): number {
  requestFields.owner = head;
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
  head.minor = bytes[at]! - 48;
  if (head.minor !== 0 && head.minor !== 1) return BAD;
  if (bytes[at + 1] !== CR || bytes[at + 2] !== LF) return BAD;
  head.fieldsStart = at + 3;
  const after = scanFields(bytes, at + 3, end, requestFields, limits.fieldsMax);
  if (after <= 0) return after;
  head.fieldsEnd = after - 2;
  const refusal = understand(bytes, head);
  return refusal === OK ? after : refusal;
}

/** An HTTP/2 preface or another major version is no HTTP/1 request; whatever it is, we don't speak it here. */
function versionRefusal(bytes: Uint8Array, at: number, end: number): number {
  const major = bytes.subarray(at, Math.min(end, at + 6));
  return spells(major, 0, major.length, octets("http/2")) || spells(major, 0, major.length, octets("http/3"))
    ? VERSION_NOT_SUPPORTED
    : BAD;
}

/** What the fields mean together; minus a status when parties could read the message differently. */
function understand(bytes: Uint8Array, head: RequestHead): number {
  forget(head);
  const { spans, count } = requestFields;
  for (let i = 0; i < count; i++) {
    const entry = i * 4;
    if (!readField(bytes, i, spans[entry]!, spans[entry + 1]!, spans[entry + 2]!, spans[entry + 3]!, head))
      return BAD;
  }
  if (head.connectionField >= 0)
    readConnections(bytes, head.connectionField, NAME.connection, requestFields, head);
  if (head.chunked && (head.contentLength !== NO_LENGTH || head.minor === 0)) return BAD;
  if (head.minor === 1 && head.hostEnd === 0) return BAD;
  if (head.minor === 0) head.expectContinue = false;
  return readTarget(bytes, head);
}

function forget(head: RequestHead): void {
  head.contentLength = NO_LENGTH;
  head.chunked = head.close = head.keepAlive = head.upgrade = head.expectContinue = false;
  head.hasForwarded = head.hostInTarget = false;
  head.hostStart = head.hostNameEnd = head.hostEnd = 0;
  head.upgradeField = head.connectionField = -1;
}

/** One field, told apart by the length of its name first. False refuses the request. */
function readField(
  bytes: Uint8Array,
  i: number,
  name: number,
  nameEnd: number,
  value: number,
  end: number,
  head: RequestHead,
): boolean {
  switch (nameEnd - name) {
    case 2:
      if (spells(bytes, name, nameEnd, NAME.te)) requestFields.drop(i);
      return true;
    case 4:
      return spells(bytes, name, nameEnd, NAME.host) ? readHost(bytes, value, end, head) : true;
    case 6:
      if (spells(bytes, name, nameEnd, NAME.expect)) {
        head.expectContinue = spells(bytes, value, end, CONTINUE);
        if (head.minor === 0) requestFields.drop(i);
      }
      return true;
    case 7:
      if (spells(bytes, name, nameEnd, NAME.upgrade)) {
        head.upgradeField = i;
        requestFields.drop(i);
      } else if (spells(bytes, name, nameEnd, NAME.trailer)) requestFields.drop(i);
      return true;
    case 9:
      if (spells(bytes, name, nameEnd, NAME.xRealIp) || spells(bytes, name, nameEnd, NAME.forwarded))
        dropForwarded(i, head);
      return true;
    case 10:
      if (spells(bytes, name, nameEnd, NAME.connection)) {
        if (head.connectionField < 0) head.connectionField = i;
        requestFields.drop(i);
      } else if (spells(bytes, name, nameEnd, NAME.keepAlive)) requestFields.drop(i);
      else if (spells(bytes, name, nameEnd, NAME.tracestate)) dropForwarded(i, head);
      return true;
    case 11:
      if (spells(bytes, name, nameEnd, NAME.traceparent)) dropForwarded(i, head);
      return true;
    case 12:
      if (spells(bytes, name, nameEnd, NAME.xRequestId)) dropForwarded(i, head);
      return true;
    case 14:
      return spells(bytes, name, nameEnd, NAME.contentLength) ? readLength(bytes, value, end, head) : true;
    case 15:
      if (spells(bytes, name, nameEnd, NAME.xForwardedFor)) dropForwarded(i, head);
      return true;
    case 16:
      if (spells(bytes, name, nameEnd, NAME.xForwardedHost)) dropForwarded(i, head);
      else if (spells(bytes, name, nameEnd, NAME.proxyConnection)) requestFields.drop(i);
      return true;
    case 17:
      if (spells(bytes, name, nameEnd, NAME.xForwardedProto)) dropForwarded(i, head);
      else if (spells(bytes, name, nameEnd, NAME.transferEncoding))
        return readTransferEncoding(bytes, i, value, end, head);
      return true;
    default:
      return true;
  }
}

/** We say ourselves where a request came from; a trusted proxy's word is read again in forwarded_fields.ts. */
function dropForwarded(i: number, head: RequestHead): void {
  head.hasForwarded = true;
  requestFields.drop(i);
}

/** Two Host fields, or one that names nobody, are refused (RFC 9112 §3.2). */
function readHost(bytes: Uint8Array, from: number, end: number, head: RequestHead): boolean {
  if (head.hostEnd !== 0) return false;
  head.hostNameEnd = readAuthority(bytes, from, end);
  head.hostStart = from;
  head.hostEnd = end;
  return head.hostNameEnd !== BAD_HOST;
}

/** A second Content-Length is refused even when it agrees: nothing honest sends two (RFC 9112 §6.3). */
function readLength(bytes: Uint8Array, from: number, end: number, head: RequestHead): boolean {
  if (head.contentLength !== NO_LENGTH) return false;
  head.contentLength = readContentLength(bytes, from, end);
  return head.contentLength !== BAD_LENGTH;
}

/** Only "chunked", once: we would have to undo any other coding to know where the body ends (RFC 9112 §6.1). */
function readTransferEncoding(
  bytes: Uint8Array,
  i: number,
  from: number,
  end: number,
  head: RequestHead,
): boolean {
  if (head.chunked || !spells(bytes, from, end, CHUNKED)) return false;
  head.chunked = true;
  requestFields.drop(i);
  return true;
}

/** The four forms of a target (RFC 9112 §3.2). 0, or minus the status that refuses it. */
function readTarget(bytes: Uint8Array, head: RequestHead): number {
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
