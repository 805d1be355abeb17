/** The request's body on its way to the server. */
import { clientLeft, isAnswered, LEAVING_GRACE_MS, waitForOther } from "./departure.ts";
import type { Exchange } from "./exchange_state.ts";
import { giveUp } from "./own_answer.ts";
import { responseMoved } from "./response_body.ts";
import { send } from "./send.ts";
import type { Upstream } from "./upstream.ts";

/** An idempotent request with a body is kept whole up to here, so that it can be sent again. */
const REPLAY_BYTES_MAX = 65_536;

/** More of the request's body. */
export function requestBodyArrived(exchange: Exchange, chunk: Buffer): void {
  const { session, requestBody, upstream } = exchange;
  if (requestBody.done) {
    // Sent ahead of its turn: we answer one request after the other.
    session.hold(chunk);
    return;
  }
  // The answer is out already: nobody wants the rest.
  if (exchange.answered && !upstream) return;
  if (!upstream || !isAtServer(exchange)) {
    exchange.bytes = Buffer.concat([exchange.bytes, chunk]);
    readAhead(exchange);
    return;
  }
  const after = requestBody.take(chunk, 0, chunk.length);
  if (requestBody.broken) return giveUp(exchange, 400);
  if (exchange.bodyTooLarge(requestBody.bytes)) return giveUp(exchange, 413);
  if (exchange.replayable) keepForReplay(exchange, chunk, requestBody.keptEnd);
  exchange.sent = true;
  send(upstream, chunk, 0, requestBody.keptEnd, false);
  if (requestBody.done && after < chunk.length) session.hold(chunk.subarray(after));
  requestMoved(exchange, upstream);
}

function keepForReplay(exchange: Exchange, chunk: Buffer, end: number): void {
  if (exchange.bytes.length + end > REPLAY_BYTES_MAX) exchange.replayable = false;
  else exchange.bytes = Buffer.concat([exchange.bytes, chunk.subarray(0, end)]);
}

/** Whether the request was given to a server that is there, with what had come of it by then. */
export function isAtServer({ upstream, connectedMs }: Exchange): boolean {
  return upstream !== null && connectedMs >= 0;
}

/** While the request waits for a server, more of it is read only to hear when the client leaves. */
export function readAhead({ session, requestBody, bytes }: Exchange): void {
  if (!requestBody.done && bytes.length > REPLAY_BYTES_MAX) session.pause();
  else session.readOn();
}

/** Whom to wait for once a part of the request is on its way. */
export function requestMoved(exchange: Exchange, upstream: Upstream): void {
  const { session, requestBody } = exchange;
  const { timeouts } = exchange;
  if (upstream.unsent !== null) {
    if (requestBody.done) session.readOn();
    else session.pause();
    waitForOther(session, "server", timeouts.serverMs);
  } else if (requestBody.done) {
    if (isAnswered(exchange)) return responseMoved(exchange, upstream);
    session.readOn();
    // A client that ended its half while we connected gets the same grace as one that ends it later.
    if (session.leaves) session.waitFor("leaving", LEAVING_GRACE_MS);
    else session.waitFor("server", timeouts.serverMs);
  } else if (session.ended) {
    // What had come of its chunks was not all.
    clientLeft(session);
  } else {
    session.resume();
    session.waitFor("client", timeouts.clientMs);
  }
}

/** What came after this request in the same bytes. */
export function keepRest(exchange: Exchange, after: number): void {
  const { session, bytes } = exchange;
  if (after >= bytes.length) return;
  exchange.bytes = bytes.subarray(0, after);
  session.hold(bytes.subarray(after));
}
