/**
 * The story of one exchange: a request is read, routed, given to a server of the backend in turn, its answer relayed,
 * and one line logged. All branching is here; what it calls returns values.
 */
import { connect } from "./connect.ts";
import type { Ending, Exchange } from "./exchange_state.ts";
import { MORE } from "./http/field_table.ts";
import { parseRequestHead } from "./http/request_head.ts";
import { parseResponseHead, ResponseHead } from "./http/response_head.ts";
import { reply, statusOf } from "./reply.ts";
import { sendRequest } from "./request_sender.ts";
import { relayHead, responseBodyKind } from "./response_relay.ts";
import { isIdempotent, mayRetry } from "./retry.ts";
import { send } from "./send.ts";
import type { Server } from "./server.ts";
import type { Session } from "./session.ts";
import { openTunnel } from "./tunnel.ts";
import type { Upstream } from "./upstream.ts";

/** An idempotent request with a body is kept whole up to here, so that it can be sent again. */
const REPLAY_BYTES_MAX = 65_536;
/** A client that has half-closed may only have finished asking; one that left does not care. */
const LEAVING_GRACE_MS = 1000;
/** How much, and for how long, we read on after our last words, so that a reset does not destroy them. */
const LINGER_BYTES_MAX = 1_048_576;
const LINGER_MS = 2000;
/** An idle connection to a server is closed before most servers would close it. */
const UPSTREAM_IDLE_MS = 30_000;
const CLIENT_CLOSED_REQUEST = 499;

/** The response head parsed last, of whichever exchange. */
const head = new ResponseHead();
/** Whose request head was parsed last: `requestFields` is of this one. */
let parsed: Exchange | null = null;

/** Bytes of a client between requests or within a head. */
export function requestArrived(session: Session, chunk: Buffer): void {
  const bytes = session.held === null ? chunk : Buffer.concat([session.held, chunk]);
  if (session.phase === "head" && !worthReading(session, chunk, bytes.length)) {
    session.held = bytes;
    return;
  }
  readRequests(session, bytes);
}

/** A head that came in parts is read again when a line has ended or it has doubled: never once an octet. */
function worthReading(session: Session, chunk: Buffer, length: number): boolean {
  return (
    chunk.includes(10) ||
    chunk.includes(13) ||
    length >= session.seen * 2 ||
    length >= session.edge.limits.headBytesMax
  );
}

function readRequests(session: Session, bytes: Buffer): void {
  session.reading = true;
  let next: Buffer | null = bytes;
  while (next !== null) {
    session.held = null;
    readRequest(session, next);
    next = session.phase === "idle" ? session.held : null;
  }
  session.reading = false;
}

function readRequest(session: Session, bytes: Buffer): void {
  const { edge } = session;
  const exchange = edge.exchanges.take();
  parsed = exchange;
  const after = parseRequestHead(bytes, 0, bytes.length, exchange.request, edge.limits);
  if (after === MORE) {
    edge.exchanges.give(exchange);
    waitForHead(session, bytes);
    return;
  }
  session.phase = "exchange";
  session.exchange = exchange;
  session.requests++;
  exchange.begin(session, bytes, Math.max(after, 0), edge.ids.next(), performance.now());
  if (after < 0) {
    exchange.request.minor = 1;
    exchange.unreadable = true;
    exchange.requestBody.start("none", 0, false);
    refuse(exchange, -after);
    return;
  }
  route(exchange);
}

function waitForHead(session: Session, bytes: Buffer): void {
  session.held = bytes;
  session.seen = bytes.length;
  if (session.phase === "head") return;
  session.phase = "head";
  session.waitFor("client", session.edge.timeouts.requestHeadMs);
}

function route(exchange: Exchange): void {
  const { session, request, requestBody } = exchange;
  const { edge } = session;
  const method = exchange.method;
  exchange.isHead = method === "HEAD";
  exchange.idempotent = isIdempotent(method);
  exchange.closing = edge.draining || request.close || (request.minor === 0 && !request.keepAlive);
  requestBody.start(
    request.chunked ? "chunked" : request.contentLength > 0 ? "length" : "none",
    Math.max(0, request.contentLength),
    false,
  );
  // An upgrade with a body leaves it open where the new protocol starts; h2c would hide requests from us.
  if (request.upgrade && (requestBody.kind !== "none" || request.upgradeField < 0 || edge.isH2c(exchange)))
    request.upgrade = false;
  if (edge.bodyTooLarge(request.contentLength)) return refuse(exchange, 413);
  exchange.route = edge.router.only ?? edge.router.find(exchange.host, exchange.path);
  if (!exchange.route) return refuse(exchange, 404);
  if (requestBody.done) keepRest(exchange, exchange.bodyStart);
  dispatch(exchange);
}

/** Gives the request to the next server in turn. */
function dispatch(exchange: Exchange): void {
  const server = exchange.route?.backend.pick(exchange.server);
  if (!server) return fail(exchange, "no_server");
  exchange.server = server;
  exchange.attempts++;
  server.active++;
  server.counters.requests.value++;
  const idle = server.takeIdle();
  if (!idle) return openConnection(exchange, server);
  server.counters.reuses.value++;
  idle.exchange = exchange;
  idle.reused = true;
  exchange.upstream = idle;
  sendOn(exchange, idle);
}

function openConnection(exchange: Exchange, server: Server): void {
  const { session } = exchange;
  server.counters.connections.value++;
  exchange.upstream = connect(server, exchange);
  session.waitFor("connect", session.edge.timeouts.connectMs);
  if (!exchange.requestBody.done) session.pause();
}

export function serverConnected(upstream: Upstream): void {
  if (upstream.exchange) sendOn(upstream.exchange, upstream);
}

function sendOn(exchange: Exchange, upstream: Upstream): void {
  const { session, requestBody } = exchange;
  const { edge } = session;
  if (parsed !== exchange) {
    parseRequestHead(
      exchange.bytes,
      exchange.request.start,
      exchange.bytes.length,
      exchange.request,
      edge.limits,
    );
    parsed = exchange;
  }
  const bodyless = requestBody.done;
  const after = sendRequest(edge, exchange, upstream);
  if (requestBody.broken) return giveUp(exchange, 400);
  if (edge.bodyTooLarge(requestBody.bytes)) return giveUp(exchange, 413);
  if (!bodyless && requestBody.done) keepRest(exchange, after);
  requestMoved(exchange, upstream);
}

/** More of the request's body. */
export function requestBodyArrived(exchange: Exchange, chunk: Buffer): void {
  const { session, requestBody, upstream } = exchange;
  if (requestBody.done) {
    // Sent ahead of its turn: we answer one request after the other.
    session.hold(chunk);
    session.pause();
    return;
  }
  if (!exchange.sent || !upstream) {
    exchange.bytes = Buffer.concat([exchange.bytes, chunk]);
    return;
  }
  const after = requestBody.take(chunk, 0, chunk.length);
  if (requestBody.broken) return giveUp(exchange, 400);
  if (session.edge.bodyTooLarge(requestBody.bytes)) return giveUp(exchange, 413);
  if (exchange.replayable) keepForReplay(exchange, chunk, requestBody.keptEnd);
  send(upstream, chunk, 0, requestBody.keptEnd, false);
  if (requestBody.done && after < chunk.length) {
    session.hold(chunk.subarray(after));
    session.pause();
  }
  requestMoved(exchange, upstream);
}

function keepForReplay(exchange: Exchange, chunk: Buffer, end: number): void {
  if (exchange.bytes.length + end > REPLAY_BYTES_MAX) exchange.replayable = false;
  else exchange.bytes = Buffer.concat([exchange.bytes, chunk.subarray(0, end)]);
}

/** Whom to wait for once a part of the request is on its way. */
function requestMoved(exchange: Exchange, upstream: Upstream): void {
  const { session, requestBody } = exchange;
  const { timeouts } = session.edge;
  if (upstream.unsent !== null) {
    session.pause();
    session.waitFor("server", timeouts.serverMs);
  } else if (requestBody.done) {
    session.waitFor("server", timeouts.serverMs);
  } else {
    session.resume();
    session.waitFor("client", timeouts.clientMs);
  }
}

/** The socket to the server takes more again. */
export function serverDrained(exchange: Exchange, upstream: Upstream): void {
  requestMoved(exchange, upstream);
}

/** Bytes of the server. */
export function responseArrived(exchange: Exchange, upstream: Upstream, chunk: Buffer): void {
  if (exchange.answered) return relayBody(exchange, upstream, chunk);
  const bytes = upstream.held === null ? chunk : Buffer.concat([upstream.held, chunk]);
  upstream.held = null;
  for (let at = 0; at < bytes.length; ) {
    const after = parseResponseHead(bytes, at, bytes.length, head);
    if (after === MORE) {
      upstream.held = bytes.subarray(at);
      return;
    }
    if (after < 0) return attemptFailed(exchange, "bad_response");
    if (head.status === 101) return switchProtocols(exchange, upstream, bytes, at, after);
    if (head.status >= 200) return startResponse(exchange, upstream, bytes, at, after);
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
  if (responseBody.broken) return attemptFailed(exchange, "bad_response");
  exchange.status = head.status;
  exchange.firstByteMs = performance.now() - exchange.startMs;
  exchange.eventStream = head.eventStream;
  exchange.keepAliveTimeoutS = head.keepAliveTimeoutS;
  const persistent = head.minor === 1 ? !head.close : head.keepAlive && !head.close;
  exchange.reusable = persistent && kind !== "until_close" && bodyEnd === bytes.length;
  if (kind === "until_close" || bare || !requestBody.done || exchange.session.edge.draining)
    exchange.closing = true;
  relayHead(exchange, head, bytes, at, after, responseBody.keptEnd);
  exchange.answered = true;
  responseMoved(exchange, upstream);
}

function relayBody(exchange: Exchange, upstream: Upstream, bytes: Buffer): void {
  const { session, responseBody } = exchange;
  const after = responseBody.take(bytes, 0, bytes.length);
  if (after < bytes.length) exchange.reusable = false;
  if (responseBody.broken) return cut(exchange, "bad_response");
  exchange.responseBytes += responseBody.keptEnd;
  send(session, bytes, 0, responseBody.keptEnd, false);
  responseMoved(exchange, upstream);
}

/** Whom to wait for once a part of the response is on its way. */
function responseMoved(exchange: Exchange, upstream: Upstream): void {
  const { session, responseBody } = exchange;
  const { timeouts } = session.edge;
  if (responseBody.done) {
    release(exchange);
    if (session.unsent === null) finish(exchange, "done");
    else session.waitFor("client", timeouts.clientMs);
  } else if (session.unsent !== null) {
    upstream.pause();
    session.waitFor("client", timeouts.clientMs);
  } else {
    upstream.resume();
    session.waitFor("server", exchange.eventStream ? timeouts.tunnelMs : timeouts.serverMs);
  }
}

/** The socket to the client takes more again. */
export function clientDrained(exchange: Exchange): void {
  const { upstream } = exchange;
  if (upstream) responseMoved(exchange, upstream);
  else if (exchange.answered) finish(exchange, exchange.ending);
}

function switchProtocols(
  exchange: Exchange,
  upstream: Upstream,
  bytes: Buffer,
  at: number,
  after: number,
): void {
  if (!exchange.request.upgrade || head.upgradeField < 0) return attemptFailed(exchange, "bad_response");
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
  if (responseBody.kind !== "until_close" || ending !== "server_closed") return cut(exchange, "truncated");
  responseBody.done = true;
  release(exchange);
  if (exchange.session.unsent === null) finish(exchange, "done");
}

function attemptFailed(exchange: Exchange, ending: Ending): void {
  const { server, attempts, sent, idempotent, request, requestBody, responseBody } = exchange;
  if (server) server.counters.failures.value++;
  release(exchange);
  responseBody.start("none", 0, false);
  const retries = exchange.route?.backend.retries ?? 0;
  const bodyInHand = !request.chunked && requestBody.done && exchange.replayable;
  if (!mayRetry({ attempts, retries, sent, idempotent, bodyInHand })) return fail(exchange, ending);
  exchange.session.edge.counts.retries.value++;
  if (sent && !request.chunked)
    requestBody.start(
      request.contentLength > 0 ? "length" : "none",
      Math.max(0, request.contentLength),
      false,
    );
  exchange.sent = false;
  dispatch(exchange);
}

/** The connection to the server is done with: kept for the next request, or closed. */
function release(exchange: Exchange): void {
  const { upstream, server, requestBody, responseBody } = exchange;
  exchange.upstream = null;
  if (server && exchange.attempts > exchange.released) {
    exchange.released = exchange.attempts;
    server.active--;
  }
  if (!upstream) return;
  upstream.exchange = null;
  upstream.held = null;
  const whole =
    exchange.reusable && responseBody.done && requestBody.done && upstream.unsent === null && !upstream.ended;
  const idleMs =
    exchange.keepAliveTimeoutS > 0
      ? Math.min(UPSTREAM_IDLE_MS, exchange.keepAliveTimeoutS * 1000 - 1000)
      : UPSTREAM_IDLE_MS;
  upstream.idleUntilMs = exchange.session.edge.deadlines.nowMs + idleMs;
  if (whole && idleMs > 0 && upstream.server.keepIdle(upstream)) upstream.resume();
  else upstream.close();
}

/** The request itself is at fault: what was sent of it must not look complete to the server. */
function giveUp(exchange: Exchange, status: number): void {
  release(exchange);
  if (exchange.answered) return cut(exchange, "refused");
  refuse(exchange, status);
}

function refuse(exchange: Exchange, status: number): void {
  answerOurselves(exchange, status, "refused");
}

/** No attempt is left. */
function fail(exchange: Exchange, ending: Ending): void {
  release(exchange);
  answerOurselves(exchange, statusOf(ending), ending);
}

function answerOurselves(exchange: Exchange, status: number, ending: Ending): void {
  const { session, requestBody } = exchange;
  if (exchange.unreadable || !requestBody.done || session.edge.draining) exchange.closing = true;
  exchange.ending = ending;
  reply(exchange, status, ending);
  exchange.responseBody.start("none", 0, false);
  if (session.unsent === null) finish(exchange, ending);
  else session.waitFor("client", session.edge.timeouts.clientMs);
}

/** The answer has begun and can't be finished: the client must not take it for whole (RFC 9112 §8). */
export function cut(exchange: Exchange, ending: Ending): void {
  const { session } = exchange;
  release(exchange);
  session.edge.logged(exchange, ending);
  session.exchange = null;
  session.edge.exchanges.give(exchange);
  session.edge.closeSession(session, true);
}

/** Both directions are done. */
function finish(exchange: Exchange, ending: Ending): void {
  const { session, requestBody } = exchange;
  const { edge } = session;
  const { closing } = exchange;
  const unread = !requestBody.done || exchange.unreadable || session.held !== null || session.paused;
  edge.logged(exchange, ending);
  session.exchange = null;
  if (parsed === exchange) parsed = null;
  edge.exchanges.give(exchange);
  if (closing) return unread ? linger(session) : edge.closeSession(session, false);
  session.phase = "idle";
  session.waitFor("client", edge.timeouts.keepAliveMs);
  session.resume();
  if (session.ended && session.held === null) return edge.closeSession(session, false);
  if (session.held !== null && !session.reading) readRequests(session, session.held);
}

/** Our answer is out but the client may still be sending: closing now would reset it away (RFC 9112 §9.6). */
function linger(session: Session): void {
  session.phase = "lingering";
  session.held = null;
  session.discarded = 0;
  session.waitFor("client", LINGER_MS);
  session.socket?.shutdown();
  session.resume();
  if (session.ended) session.edge.closeSession(session, false);
}

export function discard(session: Session, chunk: Buffer): void {
  session.discarded += chunk.length;
  if (session.discarded > LINGER_BYTES_MAX) session.edge.closeSession(session, false);
}

/** What came after this request in the same bytes. */
function keepRest(exchange: Exchange, after: number): void {
  const { session, bytes } = exchange;
  if (after >= bytes.length) return;
  session.hold(bytes.subarray(after));
  session.pause();
}

/** The client has sent its FIN. */
export function clientEnded(session: Session): void {
  session.ended = true;
  const { exchange } = session;
  if (!exchange) return session.edge.closeSession(session, false);
  if (!exchange.requestBody.done) return clientLeft(session);
  session.waitFor("leaving", LEAVING_GRACE_MS);
}

/** The client is gone: nobody needs the answer. */
export function clientLeft(session: Session): void {
  const { exchange } = session;
  if (!exchange) return session.edge.closeSession(session, true);
  if (!exchange.answered) exchange.status = CLIENT_CLOSED_REQUEST;
  cut(exchange, "client_left");
}

/** Whoever the session waited for has been silent too long. */
export function deadlinePassed(session: Session): void {
  const { edge, exchange, phase } = session;
  if (phase === "head") return refuseSlowHead(session);
  if (!exchange || phase !== "exchange")
    return exchange ? cut(exchange, "client_timeout") : edge.closeSession(session, false);
  switch (session.waiting) {
    case "leaving":
      return clientLeft(session);
    case "connect":
      return attemptFailed(exchange, "connect_timeout");
    case "server":
      return exchange.answered ? cut(exchange, "server_timeout") : fail(exchange, "server_timeout");
    case "client":
      return exchange.answered ? cut(exchange, "client_timeout") : fail(exchange, "client_timeout");
  }
}

function refuseSlowHead(session: Session): void {
  const exchange = session.edge.exchanges.take();
  session.exchange = exchange;
  session.phase = "exchange";
  exchange.begin(session, session.held ?? Buffer.alloc(0), 0, session.edge.ids.next(), performance.now());
  session.held = null;
  exchange.unreadable = true;
  exchange.requestBody.start("none", 0, false);
  fail(exchange, "client_timeout");
}
