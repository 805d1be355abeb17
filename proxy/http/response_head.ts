import { bindsConnection } from "./connection_auth.ts";
import { type ConnectionOptions, readConnections } from "./connection_options.ts";
import { BAD_LENGTH, NO_LENGTH, readContentLength } from "./content_length.ts";
import { BAD, FieldTable, MORE, scanFields, TOO_MANY_FIELDS } from "./field_table.ts";
import { CR, FIELD_VALUE, LF, octets, SP, spells } from "./octets.ts";

/** A server's head may be larger than a client's: it is ours to trust, within reason. */
export const RESPONSE_HEAD_BYTES_MAX = 65_536;
const FIELDS_MAX = 1000;
const REASON_BYTES_MAX = 1024;

/** The rules, as docs/access-log.md lists them. */
const FAULT = {
  size: "head over 64 KiB",
  version: "not HTTP/1",
  statusLine: "malformed status line",
  fields: "more than 1000 fields",
  fieldLine: "malformed field line",
  connection: "malformed Connection",
  length: "malformed Content-Length",
  manyLengths: "several Content-Length",
  bothLengths: "Content-Length with Transfer-Encoding",
  coding: "Transfer-Encoding other than chunked",
  oldChunks: "Transfer-Encoding from HTTP/1.0",
};

const HTTP_1 = octets("HTTP/1.");
const CHUNKED = octets("chunked");
const NAME = {
  upgrade: octets("upgrade"),
  trailer: octets("trailer"),
  connection: octets("connection"),
  keepAlive: octets("keep-alive"),
  contentType: octets("content-type"),
  contentLength: octets("content-length"),
  wwwAuthenticate: octets("www-authenticate"),
  proxyConnection: octets("proxy-connection"),
  transferEncoding: octets("transfer-encoding"),
  proxyAuthenticate: octets("proxy-authenticate"),
};
const EVENT_STREAM = octets("text/event-stream");

/** One response head: what it says of itself and of the body that follows. Reused. */
export class ResponseHead implements ConnectionOptions {
  status = 0;
  /** 0 or 1: a higher minor version is read as the highest that we know (RFC 9110 §2.5). */
  minor = 1;
  /** Index of the first field. */
  fieldsStart = 0;
  /** Index of the empty line that ends the fields. */
  fieldsEnd = 0;
  contentLength = NO_LENGTH;
  chunked = false;
  close = false;
  keepAlive = false;
  upgrade = false;
  /** Index of the first Connection field, -1 when absent. */
  connectionField = -1;
  eventStream = false;
  /** It asks for credentials that hold for the connection it came on, or grants them. */
  bindsConnection = false;
  upgradeField = -1;
  contentLengthField = -1;
  transferEncodingField = -1;
  /** Keep-Alive: timeout=N, in seconds; 0 when the server did not say. */
  keepAliveTimeoutS = 0;
  /** After BAD: the rule that was broken, for logs. */
  fault = "";
}

/** The fields of the response head that was parsed last. Valid until the next parse. */
export const responseFields = new FieldTable();

/** Reads a response head (RFC 9112 §4) from bytes[from, end). The index after it, MORE, or BAD. */
export function parseResponseHead(bytes: Uint8Array, from: number, end: number, head: ResponseHead): number {
  const after = parseStatusLine(bytes, from, Math.min(end, from + RESPONSE_HEAD_BYTES_MAX), head);
  return after === MORE && end - from >= RESPONSE_HEAD_BYTES_MAX ? refuse(head, FAULT.size) : after;
}

function refuse(head: ResponseHead, fault: string): typeof BAD {
  head.fault = fault;
  return BAD;
}

function refuseField(head: ResponseHead, fault: string): false {
  head.fault = fault;
  return false;
}

function parseStatusLine(bytes: Uint8Array, from: number, end: number, head: ResponseHead): number {
  for (let i = 0; i < HTTP_1.length; i++) {
    if (from + i >= end) return MORE;
    if (bytes[from + i] !== HTTP_1[i]) return refuse(head, FAULT.version);
  }
  // "HTTP/1.1 200" and what follows it: space and a reason, or the line's end at once.
  if (from + 13 > end) return MORE;
  const minor = bytes[from + 7]! - 48;
  if (minor < 0 || minor > 9 || bytes[from + 8] !== SP) return refuse(head, FAULT.version);
  head.minor = Math.min(minor, 1);
  head.status = readStatus(bytes, from + 9);
  if (head.status < 100 || head.status > 599) return refuse(head, FAULT.statusLine);
  let at = from + 12;
  if (bytes[at] !== SP && bytes[at] !== CR) return refuse(head, FAULT.statusLine);
  const reasonStart = at;
  while (at < end && FIELD_VALUE[bytes[at]!] === 1) at++;
  if (at - reasonStart > REASON_BYTES_MAX) return refuse(head, FAULT.statusLine);
  if (at + 1 >= end) return at < end && bytes[at] !== CR ? refuse(head, FAULT.statusLine) : MORE;
  if (bytes[at] !== CR || bytes[at + 1] !== LF) return refuse(head, FAULT.statusLine);
  head.fieldsStart = at + 2;
  const after = scanFields(bytes, at + 2, end, responseFields, FIELDS_MAX);
  if (after === MORE) return MORE;
  if (after < 0) return refuse(head, after === TOO_MANY_FIELDS ? FAULT.fields : FAULT.fieldLine);
  head.fieldsEnd = after - 2;
  return understand(bytes, head) ? after : BAD;
}

function readStatus(bytes: Uint8Array, at: number): number {
  let status = 0;
  for (let i = 0; i < 3; i++) {
    const digit = bytes[at + i]! - 48;
    if (digit < 0 || digit > 9) return 0;
    status = status * 10 + digit;
  }
  return status;
}

function understand(bytes: Uint8Array, head: ResponseHead): boolean {
  head.contentLength = NO_LENGTH;
  head.chunked = head.close = head.keepAlive = head.upgrade = head.eventStream = false;
  head.upgradeField = head.contentLengthField = head.transferEncodingField = head.connectionField = -1;
  head.bindsConnection = false;
  head.keepAliveTimeoutS = 0;
  const { spans, count } = responseFields;
  for (let i = 0; i < count; i++) {
    const entry = i * 4;
    if (!readField(bytes, i, spans[entry]!, spans[entry + 1]!, spans[entry + 2]!, spans[entry + 3]!, head))
      return false;
  }
  const { connectionField } = head;
  if (connectionField >= 0 && !readConnections(bytes, connectionField, NAME.connection, responseFields, head))
    return refuseField(head, FAULT.connection);
  // Both, or chunked from HTTP/1.0: where the body ends is a matter of opinion (RFC 9112 §6.1, §6.3).
  if (!head.chunked || (head.contentLength === NO_LENGTH && head.minor === 1)) return true;
  return refuseField(head, head.minor === 1 ? FAULT.bothLengths : FAULT.oldChunks);
}

function readField(
  bytes: Uint8Array,
  i: number,
  name: number,
  nameEnd: number,
  value: number,
  end: number,
  head: ResponseHead,
): boolean {
  switch (nameEnd - name) {
    case 7:
      if (spells(bytes, name, nameEnd, NAME.upgrade)) {
        head.upgradeField = i;
        responseFields.drop(i);
      } else if (spells(bytes, name, nameEnd, NAME.trailer)) responseFields.drop(i);
      return true;
    case 10:
      if (spells(bytes, name, nameEnd, NAME.connection)) {
        if (head.connectionField < 0) head.connectionField = i;
        responseFields.drop(i);
      } else if (spells(bytes, name, nameEnd, NAME.keepAlive)) {
        head.keepAliveTimeoutS = readTimeout(bytes, value, end);
        responseFields.drop(i);
      }
      return true;
    case 12:
      if (spells(bytes, name, nameEnd, NAME.contentType))
        head.eventStream = spells(bytes, value, Math.min(end, value + EVENT_STREAM.length), EVENT_STREAM);
      return true;
    case 14:
      return spells(bytes, name, nameEnd, NAME.contentLength) ? readLength(bytes, i, value, end, head) : true;
    case 16:
      if (spells(bytes, name, nameEnd, NAME.proxyConnection)) responseFields.drop(i);
      else if (spells(bytes, name, nameEnd, NAME.wwwAuthenticate)) readChallenge(bytes, value, end, head);
      return true;
    case 17:
      if (!spells(bytes, name, nameEnd, NAME.transferEncoding)) return true;
      if (head.chunked || !spells(bytes, value, end, CHUNKED)) return refuseField(head, FAULT.coding);
      head.chunked = true;
      head.transferEncodingField = i;
      return true;
    case 18:
      if (spells(bytes, name, nameEnd, NAME.proxyAuthenticate)) readChallenge(bytes, value, end, head);
      return true;
    default:
      return true;
  }
}

function readChallenge(bytes: Uint8Array, from: number, end: number, head: ResponseHead): void {
  if (bindsConnection(bytes, from, end)) head.bindsConnection = true;
}

function readLength(bytes: Uint8Array, i: number, from: number, end: number, head: ResponseHead): boolean {
  if (head.contentLength !== NO_LENGTH) return refuseField(head, FAULT.manyLengths);
  head.contentLength = readContentLength(bytes, from, end);
  head.contentLengthField = i;
  return head.contentLength === BAD_LENGTH ? refuseField(head, FAULT.length) : true;
}

/** "timeout=5, max=100": how long the server keeps an idle connection, in seconds. */
function readTimeout(bytes: Uint8Array, from: number, end: number): number {
  const match = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(
    Buffer.from(bytes.subarray(from, end)).toString("latin1"),
  );
  return match ? Number(match[1]) : 0;
}
