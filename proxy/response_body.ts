/** The response's body on its way to the client. */

import { uploadOver } from "./departure.ts";
import type { EdgeTimeouts } from "./edge_timeouts.ts";
import { cut, finish, release } from "./exchange.ts";
import type { Exchange } from "./exchange_state.ts";
import { requestMoved } from "./request_body.ts";
import { send } from "./send.ts";
import type { Session } from "./session.ts";
import type { Upstream } from "./upstream.ts";

/** The rule that a chunked body can break (RFC 9112 §7.1). */
export const BROKEN_CHUNKS = "malformed chunk";

export function relayBody(exchange: Exchange, upstream: Upstream, bytes: Buffer): void {
  const { session, responseBody } = exchange;
  // Nothing more was asked: it has lost its way.
  if (responseBody.done) return uploadOver(exchange, "done");
  const after = responseBody.take(bytes, 0, bytes.length);
  if (after < bytes.length) exchange.reuse = "never";
  if (responseBody.broken) {
    exchange.fault = BROKEN_CHUNKS;
    return cut(exchange, "bad_response");
  }
  exchange.responseBytes += responseBody.keptEnd;
  send(session, bytes, 0, responseBody.keptEnd, false);
  responseMoved(exchange, upstream);
}

/** Whom to wait for once a part of the response is on its way. */
export function responseMoved(exchange: Exchange, upstream: Upstream): void {
  const { session, requestBody, responseBody } = exchange;
  const { timeouts } = exchange;
  const whole = (requestBody.done || isHeldBack(exchange)) && upstream.unsent === null;
  if (responseBody.done && !whole && !upstream.ended) {
    // The server has answered early and may read on: the rest of the request is brought to it.
    upstream.resume();
    if (session.unsent === null) requestMoved(exchange, upstream);
    else waitForTaking(session, timeouts);
  } else if (responseBody.done) {
    release(exchange);
    if (session.unsent === null) finish(exchange, "done");
    else waitForTaking(session, timeouts);
  } else if (session.unsent !== null) {
    upstream.pause();
    waitForTaking(session, timeouts);
  } else {
    upstream.resume();
    session.waitFor("server", exchange.eventStream ? timeouts.tunnelMs : timeouts.serverMs);
  }
}

/** The client sends no body: it has a final answer where it waited for a 100. */
function isHeldBack({ request, requestBody, interims }: Exchange): boolean {
  return request.expects && interims === 0 && requestBody.bytes === 0;
}

/** The client must take what it was sent. While paused we would not hear at once that it is gone. */
function waitForTaking(session: Session, { clientMs }: EdgeTimeouts): void {
  session.waitFor("client", clientMs);
  session.readOn();
}

/** The socket to the client takes more again. */
export function clientDrained(exchange: Exchange): void {
  const { upstream } = exchange;
  if (upstream) responseMoved(exchange, upstream);
  else if (exchange.answered) finish(exchange, exchange.ending);
}
