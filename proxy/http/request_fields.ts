/** What the fields of a request mean for its way through us. */
import { bindsConnection } from "./connection_auth.ts";
import { readConnections } from "./connection_options.ts";
import { BAD_LENGTH, NO_LENGTH, readContentLength } from "./content_length.ts";
import { BAD } from "./field_table.ts";
import { BAD_HOST, readAuthority } from "./host.ts";
import { octets, spells } from "./octets.ts";
import { readOrigin } from "./origin_fields.ts";
import type { RequestHead } from "./request_head.ts";
import { readTarget } from "./request_target.ts";

const X = 120;
const LOWER_CASE = 32;
const CHUNKED = octets("chunked");
const NAME = {
  te: octets("te"),
  host: octets("host"),
  expect: octets("expect"),
  upgrade: octets("upgrade"),
  referer: octets("referer"),
  trailer: octets("trailer"),
  forwarded: octets("forwarded"),
  connection: octets("connection"),
  userAgent: octets("user-agent"),
  keepAlive: octets("keep-alive"),
  tracestate: octets("tracestate"),
  traceparent: octets("traceparent"),
  authorization: octets("authorization"),
  contentLength: octets("content-length"),
  proxyConnection: octets("proxy-connection"),
  transferEncoding: octets("transfer-encoding"),
  proxyAuthorization: octets("proxy-authorization"),
};

/** What the fields mean together; minus a status when parties could read the message differently. */
export function understandRequest(bytes: Uint8Array, head: RequestHead): number {
  forget(head);
  const { spans, count } = head.fields;
  for (let i = 0; i < count; i++) {
    const entry = i * 4;
    if (!readField(bytes, i, spans[entry]!, spans[entry + 1]!, spans[entry + 2]!, spans[entry + 3]!, head))
      return BAD;
  }
  const { connectionField } = head;
  if (connectionField >= 0 && !readConnections(bytes, connectionField, NAME.connection, head.fields, head))
    return BAD;
  if (head.chunked && (head.contentLength !== NO_LENGTH || head.minor === 0)) return BAD;
  if (head.minor === 1 && head.hostEnd === 0) return BAD;
  return readTarget(bytes, head);
}

function forget(head: RequestHead): void {
  head.contentLength = NO_LENGTH;
  head.chunked = head.close = head.keepAlive = head.upgrade = false;
  head.hostInTarget = head.bindsConnection = head.expects = false;
  head.hostStart = head.hostNameEnd = head.hostEnd = 0;
  head.userAgent = head.referer = 0;
  head.upgradeField = head.connectionField = -1;
}

/**
 * One field, told apart by the length of its name first. False refuses the request. What says where a request came from
 * is dropped here: we say it ourselves, and read a trusted proxy's word again in forwarded_fields.ts.
 */
function readField(
  bytes: Uint8Array,
  i: number,
  name: number,
  nameEnd: number,
  value: number,
  end: number,
  head: RequestHead,
): boolean {
  if ((bytes[name]! | LOWER_CASE) === X) {
    readOrigin(bytes, i, name, nameEnd, head.fields);
    return true;
  }
  switch (nameEnd - name) {
    case 2:
      if (spells(bytes, name, nameEnd, NAME.te)) head.fields.drop(i);
      return true;
    case 4:
      return spells(bytes, name, nameEnd, NAME.host) ? readHost(bytes, value, end, head) : true;
    case 6:
      if (spells(bytes, name, nameEnd, NAME.expect)) {
        // An HTTP/1.0 client does not wait for 100 (RFC 9110 §10.1.1).
        if (head.minor === 0) head.fields.drop(i);
        else head.expects = true;
      }
      return true;
    case 7:
      if (spells(bytes, name, nameEnd, NAME.upgrade)) {
        head.upgradeField = i;
        head.fields.drop(i);
      } else if (spells(bytes, name, nameEnd, NAME.trailer)) head.fields.drop(i);
      else if (spells(bytes, name, nameEnd, NAME.referer)) head.referer = value;
      return true;
    case 9:
      if (spells(bytes, name, nameEnd, NAME.forwarded)) head.fields.drop(i);
      return true;
    case 10:
      if (spells(bytes, name, nameEnd, NAME.connection)) {
        if (head.connectionField < 0) head.connectionField = i;
        head.fields.drop(i);
      } else if (spells(bytes, name, nameEnd, NAME.keepAlive)) head.fields.drop(i);
      else if (spells(bytes, name, nameEnd, NAME.tracestate)) head.fields.drop(i);
      else if (spells(bytes, name, nameEnd, NAME.userAgent)) head.userAgent = value;
      return true;
    case 11:
      if (spells(bytes, name, nameEnd, NAME.traceparent)) head.fields.drop(i);
      return true;
    case 13:
      if (spells(bytes, name, nameEnd, NAME.authorization)) readCredentials(bytes, value, end, head);
      return true;
    case 14:
      return spells(bytes, name, nameEnd, NAME.contentLength) ? readLength(bytes, value, end, head) : true;
    case 16:
      if (spells(bytes, name, nameEnd, NAME.proxyConnection)) head.fields.drop(i);
      return true;
    case 17:
      if (spells(bytes, name, nameEnd, NAME.transferEncoding))
        return readTransferEncoding(bytes, i, value, end, head);
      return true;
    case 19:
      if (spells(bytes, name, nameEnd, NAME.proxyAuthorization)) readCredentials(bytes, value, end, head);
      return true;
    default:
      return true;
  }
}

function readCredentials(bytes: Uint8Array, from: number, end: number, head: RequestHead): void {
  if (bindsConnection(bytes, from, end)) head.bindsConnection = true;
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
  head.fields.drop(i);
  return true;
}
