/**
 * The story of one exchange: a request is routed, given to a server of the backend in turn, its answer relayed, and one
 * line logged. All branching is here; what it calls returns values.
 */
import type { Backend } from "./backend.ts";
import { connect } from "./connect.ts";
import { uploadOver, waitForOther } from "./departure.ts";
import type { Ending, Exchange } from "./exchange_state.ts";
import { believe } from "./forwarded_fields.ts";
import { MORE } from "./http/field_table.ts";
import { equals, octets } from "./http/octets.ts";
import { parseResponseHead, ResponseHead, responseFields } from "./http/response_head.ts";
import { linger } from "./lingering.ts";
import { answerByRule, answerOurselves, fail, giveUp, refuse, refuseUnrouted } from "./own_answer.ts";
import { Pauses } from "./pauses.ts";
import { keepRest, readAhead, requestMoved } from "./request_body.ts";
import { readRequests } from "./request_reader.ts";
import { DOUBTFUL, readable, routeOf } from "./request_route.ts";
import { sendRequest } from "./request_sender.ts";
import { BROKEN_CHUNKS, relayBody, responseMoved } from "./response_body.ts";
import { relayHead, responseBodyKind } from "./response_relay.ts";
import { isIdempotent, mayRetry, wasRead } from "./retry.ts";
import { reuseAfter } from "./reuse.ts";
import { admits } from "./route_rules.ts";
import type { Server } from "./server.ts";
import { idleTo, serverFor } from "./server_choice.ts";
import { isServersFault, reasonOf } from "./server_errors.ts";
import { openTunnel } from "./tunnel.ts";
import { UnansweredLog } from "./unanswered_log.ts";
import { isOffered, maySwitch } from "./upgrade.ts";
import type { Upstream } from "./upstream.ts";

/** An idle connection to a server is closed before most servers would close it. */
const UPSTREAM_IDLE_MS = 30_000;

/** More interim responses than that are an attack, or a server that has lost its way. */
const INTERIMS_MAX = 100;

/** Between two attempts at the only server there is, as Caddy waits. */
const PAUSE_MS = 250;

const HEAD = octets("HEAD");

const unansweredLog = new UnansweredLog();

const pauses = new Pauses(PAUSE_MS, dispatch);

/** The response head parsed last, of whichever exchange. */
const head = new ResponseHead();

export function route(exchange: Exchange): void {
  const { session, request, requestBody } = exchange;
  const { edge } = session;
  const { bytes } = exchange;
  exchange.isHead = equals(bytes, request.start, request.methodEnd, HEAD);
  exchange.idempotent = isIdempotent(bytes, request.start, request.methodEnd);
  exchange.closing = edge.draining || request.close || (request.minor === 0 && !request.keepAlive);
  requestBody.start(
    request.chunked ? "chunked" : request.contentLength > 0 ? "length" : "none",
    Math.max(0, request.contentLength),
    false,
  );
  if (request.upgrade) request.upgrade = maySwitch(exchange);
  const believed = !session.peer.trusted || believe(exchange);
  if (exchange.bodyTooLarge(request.contentLength)) return refuse(exchange, 413);
  if (requestBody.done) keepRest(exchange, exchange.bodyStart);
  if (!believed) return giveUp(exchange, 431);
  if (request.odd && !readable(exchange)) return giveUp(exchange, 400);
  if (edge.health.asked(exchange)) return answerOurselves(exchange, edge.health.status, "health");
  const found = routeOf(exchange);
  if (found === DOUBTFUL) return giveUp(exchange, 400);
  if (!found) return refuseUnrouted(exchange);
  exchange.route = found;
  const { rules, backend } = found;
  if (rules !== null) {
    if (!admits(rules, exchange)) return refuse(exchange, 403);
    if (rules.answer !== null) return answerByRule(exchange, rules.answer);
  }
  if (backend && backend.clientKey !== null) exchange.clientKey = backend.clientKey(exchange);
  dispatch(exchange);
}

/** Gives the request to a server of the backend, or has it wait for one behind those that wait already. */
function dispatch(exchange: Exchange): void {
  const backend = exchange.route?.backend;
  if (!backend) return fail(exchange, "no_server");
  const wait = backend.queue.length > 0 || !exchange.session.edge.gate.hasRoom();
  const server = wait ? undefined : serverFor(exchange, backend);
  if (server) giveTo(exchange, backend, server);
  else waitForRoom(exchange, backend);
}

function waitForRoom(exchange: Exchange, backend: Backend): void {
  const { session } = exchange;
  if (backend.usable.length === 0) return fail(exchange, "no_server");
  exchange.queued = true;
  exchange.backendQueue = backend.queue.length;
  if (!backend.queue.add(exchange)) return fail(exchange, "queue_full");
  waitForOther(session, "queue", exchange.timeouts.queueMs);
  readAhead(exchange);
}

/** Servers may have room again: those that wait longest are given to them. */
export function admitWaiting(backend: Backend): void {
  for (let first = backend.queue.first(); first; first = backend.queue.first()) {
    if (!first.session.edge.gate.hasRoom()) return;
    const server = serverFor(first, backend);
    if (!server) return;
    backend.queue.remove(first);
    first.queued = false;
    if (first.dispatchedMs < 0) first.dispatchedMs = performance.now();
    giveTo(first, backend, server);
  }
}

function giveTo(exchange: Exchange, backend: Backend, server: Server): void {
  if (exchange.dispatchedMs < 0) exchange.dispatchedMs = exchange.startMs;
  if (exchange.server !== null && exchange.server !== server) exchange.redispatched = true;
  if (exchange.attempts++ === 0) backend.budget.requests++;
  exchange.server = server;
  backend.took(server);
  const idle = idleTo(server, exchange.session);
  if (!idle) return openConnection(exchange, server);
  server.counters.reuses.value++;
  idle.exchange = exchange;
  idle.reused = true;
  exchange.upstream = idle;
  // The clock need not be read: without a failed attempt before, no time has passed.
  exchange.connectedMs = exchange.attempts === 1 ? exchange.dispatchedMs : performance.now();
  sendOn(exchange, idle);
}

function openConnection(exchange: Exchange, server: Server): void {
  const { session } = exchange;
  server.makeRoom();
  server.counters.connections.value++;
  exchange.connectedMs = -1;
  exchange.upstream = connect(server, exchange);
  waitForOther(session, "connect", exchange.timeouts.connectMs);
  readAhead(exchange);
}

export function serverConnected(upstream: Upstream): void {
  const { exchange } = upstream;
  if (!exchange) return;
  exchange.connectedMs = performance.now();
  sendOn(exchange, upstream);
}

function sendOn(exchange: Exchange, upstream: Upstream): void {
  const { session, requestBody } = exchange;
  const { edge } = session;
  if (exchange.request.bindsConnection) upstream.owner = session;
  const bodyless = requestBody.done;
  const after = sendRequest(edge, exchange, upstream);
  if (requestBody.broken) return giveUp(exchange, 400);
  if (exchange.bodyTooLarge(requestBody.bytes)) return giveUp(exchange, 413);
  if (!bodyless && requestBody.done) keepRest(exchange, after);
  requestMoved(exchange, upstream);
}

/** Bytes of the server. */
export function responseArrived(exchange: Exchange, upstream: Upstream, chunk: Buffer): void {
  if (exchange.answered) return relayBody(exchange, upstream, chunk);
  const bytes = upstream.held === null ? chunk : Buffer.concat([upstream.held, chunk]);
  upstream.held = null;
  exchange.heard = true;
  for (let at = 0; at < bytes.length; ) {
    const after = parseResponseHead(bytes, at, bytes.length, head);
    if (after === MORE) {
      upstream.held = bytes.subarray(at);
      return;
    }
    if (after < 0) return badResponse(exchange, head.fault);
    if (head.status === 101) return switchProtocols(exchange, upstream, bytes, at, after);
    if (head.status >= 200) return startResponse(exchange, upstream, bytes, at, after);
    if (++exchange.interims > INTERIMS_MAX) return badResponse(exchange, "more than 100 interim responses");
    // An HTTP/1.0 client does not know interim responses (RFC 9110 §15.2).
    if (exchange.request.minor === 1) relayHead(exchange, head, bytes, at, after, after);
    at = after;
  }
}

function startResponse(
  exchange: Exchange,
  upstream: Upstream,
  bytes: Buffer,
  at: number,
  after: number,
): void {
  const { request, requestBody, responseBody } = exchange;
  const kind = responseBodyKind(head, exchange.isHead);
  const bare = kind === "chunked" && request.minor === 0;
  responseBody.start(kind, Math.max(0, head.contentLength), bare);
  const bodyEnd = responseBody.take(bytes, after, bytes.length);
  if (responseBody.broken) return badResponse(exchange, BROKEN_CHUNKS);
  if (head.bindsConnection) upstream.owner = exchange.session;
  exchange.status = head.status;
  if (exchange.server) exchange.route?.backend?.answered(exchange.server, head.status);
  exchange.firstByteMs = performance.now() - exchange.startMs;
  exchange.eventStream = head.eventStream;
  exchange.keepAliveTimeoutS = head.keepAliveTimeoutS;
  const alone = upstream.owner !== null;
  exchange.reuse = bodyEnd === bytes.length ? reuseAfter(head, kind, exchange.isHead, alone) : "never";
  if (kind === "until_close" || bare || !requestBody.done || exchange.session.edge.draining)
    exchange.closing = true;
  relayHead(exchange, head, bytes, at, after, responseBody.keptEnd);
  exchange.answered = true;
  responseMoved(exchange, upstream);
}

function switchProtocols(
  exchange: Exchange,
  upstream: Upstream,
  bytes: Buffer,
  at: number,
  after: number,
): void {
  if (!exchange.request.upgrade || head.upgradeField < 0)
    return badResponse(exchange, "101 without an Upgrade");
  // A server must not choose what it was not offered (RFC 9110 §7.8).
  if (!isOffered(exchange, bytes, responseFields, head.upgradeField))
    return badResponse(exchange, "101 to a protocol that was not offered");
  exchange.status = head.status;
  exchange.firstByteMs = performance.now() - exchange.startMs;
  relayHead(exchange, head, bytes, at, after, after);
  exchange.answered = true;
  exchange.closing = true;
  openTunnel(exchange, upstream, bytes.subarray(after));
}

/** The connection to the server can't be had, or has ended before the answer was whole. */
export function serverLost(exchange: Exchange, ending: Ending): void {
  const { responseBody } = exchange;
  if (!exchange.answered) return attemptFailed(exchange, ending);
  // It reads no more of the request.
  if (responseBody.done) return uploadOver(exchange, "done");
  if (responseBody.kind !== "until_close" || ending !== "server_closed") {
    if (exchange.server?.serveChild) unansweredLog.cut(exchange, exchange.server.serveChild);
    return cut(exchange, "truncated");
  }
  responseBody.done = true;
  release(exchange);
  if (exchange.session.unsent === null) finish(exchange, "done");
}

function badResponse(exchange: Exchange, fault: string): void {
  exchange.fault = fault;
  attemptFailed(exchange, "bad_response");
}

export function attemptFailed(exchange: Exchange, ending: Ending): void {
  const { server, attempts, sent, heard, idempotent, request, requestBody, responseBody } = exchange;
  const backend = exchange.route?.backend;
  if (!backend || !server) return fail(exchange, ending);
  const wasFresh = !exchange.upstream?.reused;
  const blamed = wasFresh || heard;
  backend.failed(server, blamed);
  if (blamed) server.counters.errors.note(reasonOf(exchange, ending));
  if (ending === "connect_failed" || ending === "connect_timeout") server.unreachable();
  release(exchange);
  responseBody.start("none", 0, false);
  const { retries } = backend;
  const bodyInHand = !request.chunked && requestBody.done && exchange.replayable;
  const { serveChild } = server;
  const hasBody = requestBody.kind !== "none";
  const fatal = serveChild !== null && sent && wasRead({ ending, heard, hasBody });
  if (fatal) unansweredLog.died(exchange, serveChild);
  if (!mayRetry({ attempts, retries, sent, heard, idempotent, bodyInHand, fatal }))
    return fail(exchange, ending);
  if (sent && !backend.budget.take()) return fail(exchange, ending);
  exchange.session.edge.counts.retries.value++;
  if (!request.chunked)
    requestBody.start(
      request.contentLength > 0 ? "length" : "none",
      Math.max(0, request.contentLength),
      false,
    );
  exchange.sent = false;
  // Nobody else to ask: it may be starting anew.
  if (wasFresh && backend.usable.length === 1 && backend.usable[0] === server) pause(exchange);
  else dispatch(exchange);
}

function pause(exchange: Exchange): void {
  const { session } = exchange;
  waitForOther(session, "pause", Number.POSITIVE_INFINITY);
  readAhead(exchange);
  pauses.add(exchange);
}

/** The request is with the server, and nothing came of it in time. */
export function serverSilent(exchange: Exchange): void {
  const { server } = exchange;
  if (server) exchange.route?.backend?.failed(server, true);
  server?.counters.errors.note("server_timeout");
  if (server?.serveChild) unansweredLog.silent(exchange, server.serveChild);
  fail(exchange, "server_timeout");
}

/** The connection to the server is done with: kept for the next request, or closed. */
export function release(exchange: Exchange): void {
  const { upstream, server, requestBody, responseBody } = exchange;
  const backend = exchange.route?.backend;
  exchange.upstream = null;
  if (exchange.queued) backend?.queue.remove(exchange);
  if (backend && server && exchange.attempts > exchange.released) {
    exchange.released = exchange.attempts;
    backend.finished(server);
    // Later: this exchange's own story is still being told.
    if (backend.queue.length > 0) queueMicrotask(() => admitWaiting(backend));
  }
  if (!upstream) return;
  upstream.exchange = null;
  upstream.held = null;
  const whole = responseBody.done && requestBody.done && upstream.unsent === null && !upstream.ended;
  const announcedMs = exchange.keepAliveTimeoutS * 1000 - 1000;
  // A client's own connection is kept as long as its server lets it: it would have to authenticate again.
  const mostMs = upstream.owner === null ? UPSTREAM_IDLE_MS : Number.POSITIVE_INFINITY;
  const idleMs = exchange.keepAliveTimeoutS > 0 ? Math.min(mostMs, announcedMs) : mostMs;
  upstream.idleUntilMs = exchange.session.edge.deadlines.nowMs + idleMs;
  if (whole && idleMs > 0 && keep(exchange, upstream)) upstream.resume();
  else upstream.close(whole && exchange.reuse === "never");
}

function keep({ session, reuse }: Exchange, upstream: Upstream): boolean {
  const { owner, gate, server } = upstream;
  if (reuse === "never" || reuse === "ends") return false;
  if (owner !== null) return session.edge.privateConnections.keep(session, upstream);
  return gate.open && (reuse === "later" ? server.keepCooling(upstream) : server.keepIdle(upstream));
}

/** The answer has begun and can't be finished: the client must not take it for whole (RFC 9112 §8). */
export function cut(exchange: Exchange, ending: Ending): void {
  const { session, server } = exchange;
  if (isServersFault(ending)) server?.counters.errors.note(reasonOf(exchange, ending));
  release(exchange);
  session.edge.logged(exchange, ending);
  session.exchange = null;
  session.edge.exchanges.give(exchange);
  session.edge.closeSession(session, true);
}

/** Both directions are done. */
export function finish(exchange: Exchange, ending: Ending): void {
  const { session, requestBody } = exchange;
  const { edge } = session;
  const { closing } = exchange;
  const unread =
    !requestBody.done ||
    exchange.unreadable ||
    session.held !== null ||
    session.paused ||
    (session.phase === "tunnel" && !session.ended);
  edge.logged(exchange, ending);
  session.exchange = null;
  edge.exchanges.give(exchange);
  if (closing) return unread ? linger(session) : edge.closeSession(session, false);
  session.phase = "idle";
  session.waitFor("client", edge.timeouts.keepAliveMs);
  session.resume();
  if (session.ended && session.held === null) return edge.closeSession(session, false);
  if (session.held !== null && !session.reading) readRequests(session, session.held.bytes);
}
