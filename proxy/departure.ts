/** How sessions end: by the client, by a deadline, or by us. */
import { attemptFailed, cut, serverSilent } from "./exchange.ts";
import type { Ending } from "./exchange_state.ts";
import { fail } from "./own_answer.ts";
import { refuseSlowHead, unreadExchange } from "./request_reader.ts";
import type { Session } from "./session.ts";

/** A client that has half-closed may only have finished asking; one that left does not care. */
export const LEAVING_GRACE_MS = 1000;
/** How much, and for how long, we read on after our last words, so that a reset does not destroy them. */
const LINGER_BYTES_MAX = 1_048_576;
const LINGER_MS = 2000;
/** How much was thrown away, of the few sessions that linger and still get something. */
const discarded = new WeakMap<Session, number>();
/** Nobody sees these statuses but the log: no request came, or none in time, as HAProxy logs it. */
const BAD_REQUEST = 400;
const REQUEST_TIMEOUT = 408;
/** Nobody sees this status but the log. */
const CLIENT_CLOSED_REQUEST = 499;

/** The client has sent its FIN. */
export function clientEnded(session: Session): void {
  session.ended = true;
  const { exchange } = session;
  if (!exchange) return leaveBetween(session, false);
  if (!exchange.requestBody.done || session.waiting === "queue") return clientLeft(session);
  session.waitFor("leaving", LEAVING_GRACE_MS);
}

/** The client is gone: nobody needs the answer. */
export function clientLeft(session: Session): void {
  const { exchange } = session;
  if (!exchange) return leaveBetween(session, true);
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
  if (!exchange) {
    if (neverUsed(session)) tellOfNoRequest(session, REQUEST_TIMEOUT, "client_timeout");
    return edge.closeSession(session, false);
  }
  if (phase !== "exchange") return cut(exchange, "client_timeout");
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

/** We leave now, whatever is under way. */
export function drainDeadlinePassed(session: Session): void {
  const { exchange } = session;
  if (exchange) return exchange.answered ? cut(exchange, "drain_deadline") : fail(exchange, "drain_deadline");
  if (session.phase !== "lingering") session.edge.closeSession(session, false);
}

/** Our answer is out but the client may still be sending: closing now would reset it away (RFC 9112 §9.6). */
export function linger(session: Session): void {
  session.phase = "lingering";
  session.held = null;
  session.waitFor("client", LINGER_MS);
  session.socket?.shutdown();
  session.resume();
  if (session.ended) session.edge.closeSession(session, false);
}

export function discard(session: Session, chunk: Buffer): void {
  const bytes = (discarded.get(session) ?? 0) + chunk.length;
  discarded.set(session, bytes);
  if (bytes > LINGER_BYTES_MAX) session.edge.closeSession(session, false);
}
