import type { Exchange } from "./exchange_state.ts";
import type { Server } from "./server.ts";
import { Upstream } from "./upstream.ts";
import { upstreamHandlers } from "./upstream_handlers.ts";

/** Starts a connection to a server; the handlers hear how it goes. */
export function connect(server: Server, exchange: Exchange): Upstream {
  const { gate } = exchange.session.edge;
  const upstream = new Upstream(server, exchange, gate);
  gate.upstreamCame();
  const { target } = server;
  const options = { socket: upstreamHandlers, data: upstream, allowHalfOpen: true };
  const opening =
    "unix" in target ? Bun.connect({ ...target, ...options }) : Bun.connect({ ...target, ...options });
  // connectError has heard it already.
  opening.catch(() => undefined);
  return upstream;
}
