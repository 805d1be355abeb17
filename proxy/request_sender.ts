/** Our request to the server, made from the client's: one head, and what of the body is at hand, in one write. */
import type { Edge } from "./edge.ts";
import type { Exchange } from "./exchange_state.ts";
import { type Claims, trustedForwarded, writeForwarded } from "./forwarded_fields.ts";
import { copy, copyKeptFields } from "./http/field_table.ts";
import { CR, LF, octets, SP } from "./http/octets.ts";
import type { RouteRules } from "./route_rules.ts";
import { send } from "./send.ts";
import type { Upstream } from "./upstream.ts";

/** Heads and bodies up to this size together go out in one write; larger bodies follow in their own. */
const SCRATCH_BYTES = 131_072;
const BODY_WITH_HEAD_MAX = 32_768;

const SLASH = 47;
const ONE = 49;
/** The minor version, from the end of the target on. */
const MINOR_AT = " HTTP/1.".length;
const VERSION_LINE_END = octets(" HTTP/1.1\r\n");
const HOST = octets("Host: ");
const CHUNKED = octets("Transfer-Encoding: chunked\r\n");
const UPGRADE = octets("Connection: upgrade\r\nUpgrade: ");
const LINE_END = octets("\r\n");

/** All fields that we add, but for the client's Host, which a head may hold once more. */
const ADDED_BYTES_MAX = 65_536;

let scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/**
 * Sends head and body at hand. The index in exchange.bytes after what was read of this request;
 * `exchange.requestBody` says whether it was whole or broken.
 */
export function sendRequest(edge: Edge, exchange: Exchange, upstream: Upstream): number {
  const { bytes, bodyStart, requestBody, route } = exchange;
  const rules = route?.rules ?? null;
  const set = rules?.request?.lines.length ?? 0;
  const most = 2 * bodyStart + set + ADDED_BYTES_MAX + BODY_WITH_HEAD_MAX;
  // Only where limits.head is larger than its default.
  if (most > scratch.length) scratch = Buffer.allocUnsafeSlow(most);
  const headBytes = writeHead(edge, exchange, rules);
  const after = requestBody.take(bytes, bodyStart, bytes.length);
  const kept = requestBody.keptEnd;
  if (requestBody.broken || exchange.bodyTooLarge(requestBody.bytes)) return after;
  if (kept - bodyStart <= BODY_WITH_HEAD_MAX) {
    send(upstream, scratch, 0, copy(bytes, bodyStart, kept, scratch, headBytes), true);
  } else {
    send(upstream, scratch, 0, headBytes, true);
    send(upstream, bytes, bodyStart, kept, false);
  }
  // A chunked body was cleaned in place: what it was can't be sent again, even if the socket took none of it.
  const given = headBytes + kept - bodyStart;
  exchange.sent = exchange.request.chunked || (upstream.unsent?.length ?? 0) < given;
  return after;
}

function writeHead(edge: Edge, exchange: Exchange, rules: RouteRules | null): number {
  const { bytes, request, session, claims } = exchange;
  const { fields } = request;
  let at: number;
  if (claims !== null) fields.believe();
  if (rules !== null) rules.request?.drop(bytes, fields);
  const asWritten = request.pathStart === request.targetStart && !exchange.reading?.target;
  if (request.minor === 1 && asWritten && !rules?.prefix) {
    // The request line stays as it came and is copied with the fields behind it; the version is ours (RFC 9110 §2.5).
    at = copyKeptFields(bytes, request.start, request.fieldsEnd, fields, scratch, 0);
    scratch[request.targetEnd - request.start + MINOR_AT] = ONE;
  } else {
    at = writeRequestLine(exchange, rules);
    at = copyKeptFields(bytes, request.fieldsStart, request.fieldsEnd, fields, scratch, at);
  }
  if (claims !== null) at = writeTrusted(edge, exchange, claims, rules?.prefix?.text ?? "", at);
  else at = writeForwarded(session.peer, request, bytes, edge.ids, exchange.id, scratch, at);
  if (rules !== null) at = writeRules(rules, claims !== null, at);
  if (request.chunked) at = copy(CHUNKED, 0, CHUNKED.length, scratch, at);
  if (request.upgradeField >= 0 && request.upgrade) {
    const entry = request.upgradeField * 4;
    at = writeLine(UPGRADE, bytes, fields.spans[entry + 2]!, fields.spans[entry + 3]!, at);
  }
  scratch[at] = CR;
  scratch[at + 1] = LF;
  return at + 2;
}

/** A target in absolute-form goes on in origin-form, HTTP/1.0 as HTTP/1.1 with the Host it must have (RFC 9112 §3.2). */
function writeRequestLine(exchange: Exchange, rules: RouteRules | null): number {
  const { bytes, request, server } = exchange;
  let at = copy(bytes, request.start, request.methodEnd, scratch, 0);
  scratch[at++] = SP;
  at = writeTarget(exchange, rules, at);
  at = copy(VERSION_LINE_END, 0, VERSION_LINE_END.length, scratch, at);
  if (rules?.request?.names("host")) return at;
  if (request.hostInTarget) return writeLine(HOST, bytes, request.hostStart, request.hostEnd, at);
  if (request.hostEnd > 0) return at;
  const name = octets(server?.hostField ?? "localhost");
  return writeLine(HOST, name, 0, name.length, at);
}

function writeTarget({ bytes, request, reading }: Exchange, rules: RouteRules | null, to: number): number {
  const target = reading?.target ?? bytes;
  const [start, end] = target === bytes ? [request.pathStart, request.targetEnd] : [0, target.length];
  let at = to;
  if (rules?.prefix) {
    scratch[at++] = SLASH;
    return copy(target, rules.prefix.restOf(target, start, end), end, scratch, at);
  }
  if (target[start] !== SLASH && start !== request.targetStart) scratch[at++] = SLASH;
  return copy(target, start, end, scratch, at);
}

/** What the route sets; to a trusted proxy's client the prefix was told with the rest. */
function writeRules({ request, prefix }: RouteRules, trusted: boolean, to: number): number {
  let at = to;
  if (prefix !== null && !trusted) at = copy(prefix.field, 0, prefix.field.length, scratch, at);
  return request === null ? at : copy(request.lines, 0, request.lines.length, scratch, at);
}

/** A field: `start`, then the value bytes[from, end), then the line's end. */
function writeLine(start: Buffer, bytes: Buffer, from: number, end: number, to: number): number {
  const at = copy(bytes, from, end, scratch, copy(start, 0, start.length, scratch, to));
  return copy(LINE_END, 0, LINE_END.length, scratch, at);
}

function writeTrusted(edge: Edge, exchange: Exchange, claims: Claims, prefix: string, to: number): number {
  const { bytes, request, session } = exchange;
  const ours = { id: edge.ids.text(exchange.id), traceparent: edge.ids.traceparent(exchange.id) };
  const text = trustedForwarded(
    session.peer,
    claims,
    bytes.toString("latin1", request.hostStart, request.hostEnd),
    ours,
    exchange.clientAddress,
    prefix,
  );
  return to + scratch.write(text, to, "latin1");
}
