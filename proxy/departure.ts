/** How sessions end: by the client, by a deadline, or by us. */
import { attemptFailed, cut, finish, release, serverSilent } from "./exchange.ts";
import type { Ending, Exchange } from "./exchange_state.ts";
import { lingerDeadlinePassed } from "./lingering.ts";
import { fail } from "./own_answer.ts";
import { isAtServer } from "./request_body.ts";
import { refuseSlowHead, unreadExchange } from "./request_reader.ts";
import { HELD_BYTES_MAX, type Session, type Waiting } from "./session.ts";
import { stir } from "./tunnel.ts";

/** A client that has half-closed may only have finished asking; one that left does not care. */
export const LEAVING_GRACE_MS = 1000;
/** Nobody sees these statuses but the log: no request came, or none in time, as HAProxy logs it. */
const BAD_REQUEST = 400;
const REQUEST_TIMEOUT = 408;
/** Nobody sees this status but the log. */
const CLIENT_CLOSED_REQUEST = 499;

/** The client has sent its FIN. */
export function clientEnded(session: Session): void {
  session.ended = true;
  const { exchange } = session;
  if (exchange) clientLeaves(exchange, 0);
  else leaveBetween(session, false);
}

/** The client has sent its FIN behind so many bytes that are not read for now. */
export function clientEndUnread(session: Session, unreadBytes: number): void {
  // So few can be held as well: what they are, and the FIN behind them, is heard in the usual way.
  if (unreadBytes <= HELD_BYTES_MAX) return session.resume();
  const { exchange, leaves, phase } = session;
  if (!exchange || leaves) return;
  session.leaves = true;
  if (phase === "tunnel") stir(exchange);
  else clientLeaves(exchange, unreadBytes);
}

function clientLeaves(exchange: Exchange, unreadBytes: number): void {
  const { session } = exchange;
  if (isCutShort(exchange, unreadBytes)) return clientLeftWithin(exchange);
  if (session.waiting === "queue") return clientLeft(session);
  // A server that takes the request slowly has its own time.
  if (exchange.requestBody.done || !isAtServer(exchange)) session.waitFor("leaving", LEAVING_GRACE_MS);
}

/** The client has sent its FIN within its request: for no reason but that it has its answer, or is gone. */
function clientLeftWithin(exchange: Exchange): void {
  if (isAnswered(exchange)) uploadOver(exchange, "client_left");
  else clientLeft(exchange.session);
}

/** Whether the request's body can't become whole any more; `unreadBytes` of it may have come beyond those at hand. */
function isCutShort(exchange: Exchange, unreadBytes: number): boolean {
  const { requestBody, bytes, bodyStart } = exchange;
  if (requestBody.done) return false;
  const taken = isAtServer(exchange);
  // Whether chunks at hand are all is seen when they are sent.
  if (requestBody.kind === "chunked") return taken && unreadBytes === 0;
  return requestBody.left > unreadBytes + (taken ? 0 : bytes.length - bodyStart);
}

/** A client that has sent its FIN is waited for, and has others waited for, no longer than its grace. */
export function waitForOther(session: Session, waiting: Waiting, timeoutMs: number): void {
  if (!session.leaves) session.waitFor(waiting, timeoutMs);
  else if (session.waiting !== "leaving") session.waitFor("leaving", LEAVING_GRACE_MS);
}

/** A part of what waits was taken: whoever takes it is not silent. */
export function moved(exchange: Exchange): void {
  const { session, timeouts } = exchange;
  if (session.waiting === "leaving") session.waitFor("leaving", LEAVING_GRACE_MS);
  else if (session.waiting === "client") session.waitFor("client", timeouts.clientMs);
  else if (session.waiting === "server")
    session.waitFor("server", exchange.eventStream ? timeouts.tunnelMs : timeouts.serverMs);
}

/** All of the answer is here, whoever made it. */
export function isAnswered({ answered, responseBody }: Exchange): boolean {
  return answered && responseBody.done;
}

/** All of the answer was sent: ended in order, it arrives. */
export function isToldAll(exchange: Exchange): boolean {
  return isAnswered(exchange) && exchange.session.unsent === null;
}

/** The answer is here, and nobody brings or takes the rest of the request any more. */
export function uploadOver(exchange: Exchange, ending: Ending): void {
  const { session, timeouts } = exchange;
  release(exchange);
  if (session.unsent === null) return finish(exchange, ending);
  // Why we answered ourselves says more.
  if (exchange.stage === undefined) exchange.ending = ending;
  if (session.leaves) session.waitFor("leaving", LEAVING_GRACE_MS);
  else session.waitFor("client", timeouts.clientMs);
  session.readOn();
}

/** The client is gone: nobody needs the answer. */
export function clientLeft(session: Session): void {
  const { exchange } = session;
  if (!exchange) return leaveBetween(session, session.phase !== "lingering");
  if (!exchange.answered) exchange.status = CLIENT_CLOSED_REQUEST;
  cut(exchange, "client_left");
}

/** The client has gone without an exchange under way: perhaps in the middle of a head, perhaps before its first byte. */
function leaveBetween(session: Session, abruptly: boolean): void {
  if (session.phase === "head" || neverUsed(session)) tellOfNoRequest(session, BAD_REQUEST, "client_left");
  session.edge.closeSession(session, abruptly);
}

function neverUsed({ phase, used }: Session): boolean {
  return phase === "idle" && !used;
}

function tellOfNoRequest(session: Session, status: number, ending: Ending): void {
  const { edge } = session;
  const nothingCame = session.phase === "idle";
  if (nothingCame && !edge.logsNullConnections) return;
  const exchange = unreadExchange(session);
  exchange.status = status;
  if (nothingCame) edge.loggedOnly(exchange, ending);
  else edge.logged(exchange, ending);
  edge.exchanges.give(exchange);
}

/** Whoever the session waited for has been silent too long. */
export function deadlinePassed(session: Session): void {
  const { edge, exchange, phase } = session;
  if (phase === "head") return refuseSlowHead(session);
  if (phase === "lingering") return lingerDeadlinePassed(session);
  if (!exchange) {
    if (neverUsed(session)) tellOfNoRequest(session, REQUEST_TIMEOUT, "client_timeout");
    return edge.closeSession(session, false);
  }
  if (phase !== "exchange") return cut(exchange, "client_timeout");
  if (isToldAll(exchange)) return uploadOver(exchange, whoIsSilent(session));
  switch (session.waiting) {
    case "leaving":
      return clientLeft(session);
    case "queue":
      return fail(exchange, "queue_timeout");
    case "pause":
      return;
    case "connect":
      return attemptFailed(exchange, "connect_timeout");
    case "server":
      return exchange.answered ? cut(exchange, "server_timeout") : serverSilent(exchange);
    case "client":
      return exchange.answered ? cut(exchange, "client_timeout") : fail(exchange, "client_timeout");
  }
}

function whoIsSilent({ waiting }: Session): Ending {
  if (waiting === "leaving") return "client_left";
  return waiting === "server" ? "server_timeout" : "client_timeout";
}

/** We leave now, whatever is under way. */
export function drainDeadlinePassed(session: Session): void {
  const { exchange } = session;
  if (exchange && session.phase === "exchange" && isToldAll(exchange))
    return uploadOver(exchange, "drain_deadline");
  if (exchange) return exchange.answered ? cut(exchange, "drain_deadline") : fail(exchange, "drain_deadline");
  if (session.phase !== "lingering") session.edge.closeSession(session, false);
}
