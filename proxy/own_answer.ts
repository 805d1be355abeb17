/** Exchanges that we answer ourselves: refusals, failures, and what routes say. */
import { isToldAll } from "./departure.ts";
import { cut, finish, release } from "./exchange.ts";
import type { Ending, Exchange } from "./exchange_state.ts";
import { reply, replyByRule, statusOf } from "./reply.ts";
import { keepRest } from "./request_body.ts";
import type { RouteAnswer } from "./route_answer.ts";

/** What the route says, once what has come of the request's body is read. */
export function answerByRule(exchange: Exchange, answer: RouteAnswer): void {
  const { requestBody, bytes, bodyStart } = exchange;
  if (!requestBody.done) {
    const after = requestBody.take(bytes, bodyStart, bytes.length);
    if (requestBody.broken) return giveUp(exchange, 400);
    if (exchange.bodyTooLarge(requestBody.bytes)) return giveUp(exchange, 413);
    if (requestBody.done) keepRest(exchange, after);
  }
  begin(exchange, "done");
  replyByRule(exchange, answer);
  end(exchange);
}

/** No route for this host and path, or none for this method (RFC 9110 §15.5.6). */
export function refuseUnrouted(exchange: Exchange): void {
  const { session, host, path } = exchange;
  const methods = session.edge.router.methodsFor(host, path);
  if (methods.length === 0) refuse(exchange, 404);
  else answerOurselves(exchange, 405, "refused", [`Allow: ${methods.join(", ")}`]);
}

/** The request itself is at fault: what was sent of it must not look complete to the server. */
export function giveUp(exchange: Exchange, status: number): void {
  release(exchange);
  // What follows the fault in the same bytes is not read.
  exchange.closing = true;
  if (isToldAll(exchange)) return finish(exchange, "refused");
  if (exchange.answered) return cut(exchange, "refused");
  refuse(exchange, status);
}

export function refuse(exchange: Exchange, status: number): void {
  answerOurselves(exchange, status, "refused");
}

/** No attempt is left. */
export function fail(exchange: Exchange, ending: Ending): void {
  release(exchange);
  answerOurselves(exchange, statusOf(ending), ending);
}

/** `fields`: whole lines of the answer's head. */
export function answerOurselves(
  exchange: Exchange,
  status: number,
  ending: Ending,
  fields: readonly string[] = [],
): void {
  begin(exchange, ending);
  reply(exchange, status, ending, fields);
  end(exchange);
}

function begin(exchange: Exchange, ending: Ending): void {
  const { session, requestBody } = exchange;
  if (exchange.unreadable || !requestBody.done || session.edge.draining) exchange.closing = true;
  exchange.ending = ending;
  exchange.stage = exchange.reached;
}

function end(exchange: Exchange): void {
  const { session } = exchange;
  exchange.responseBody.start("none", 0, false);
  if (session.unsent === null) return finish(exchange, exchange.ending);
  session.waitFor("client", session.edge.timeouts.clientMs);
  // While paused we would not hear at once that the client is gone.
  session.readOn();
}
