/** Which server gets a request, and on which of the connections that wait there. */
import type { Backend } from "./backend.ts";
import type { Exchange } from "./exchange_state.ts";
import type { Server } from "./server.ts";
import type { Session } from "./session.ts";
import type { Upstream } from "./upstream.ts";

/** A server with room: that on which the client has authenticated, else the next one. */
export function serverFor(exchange: Exchange, backend: Backend): Server | undefined {
  const { session, clientKey } = exchange;
  const known = session.hasPrivate
    ? session.edge.privateConnections.serverOf(session, backend.usable)
    : undefined;
  return known ?? backend.pick(clientKey, exchange.server);
}

/** The client's own connection to the server, else one that anybody may use; undefined when none waits. */
export function idleTo(server: Server, session: Session): Upstream | undefined {
  const { edge } = session;
  const own = session.hasPrivate
    ? edge.privateConnections.take(session, server, edge.deadlines.nowMs)
    : undefined;
  return own ?? server.takeIdle();
}
