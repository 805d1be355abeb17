import type { SocketHandler } from "bun";
import { log } from "../shared/log.ts";
import { moved } from "./departure.ts";
import { responseArrived, serverConnected, serverLost } from "./exchange.ts";
import { requestMoved } from "./request_body.ts";
import { flush } from "./send.ts";
import { tunnelFromServer, tunnelServerDrained, tunnelServerEnded, tunnelServerGone } from "./tunnel.ts";
import type { Upstream } from "./upstream.ts";

/** What happens on connections to servers → the story of the exchange they carry. */
export const upstreamHandlers: SocketHandler<Upstream> = {
  open(socket) {
    const upstream = socket.data;
    if (upstream.exchange === null) {
      socket.terminate();
      return;
    }
    upstream.socket = socket;
    serverConnected(upstream);
  },
  data(socket, chunk) {
    const upstream = socket.data;
    const { exchange } = upstream;
    // Nothing was asked: not the start of the next answer, whatever it is.
    if (exchange === null) upstream.close();
    else if (exchange.session.phase === "tunnel") tunnelFromServer(exchange, upstream, chunk);
    else responseArrived(exchange, upstream, chunk);
  },
  drain(socket) {
    const upstream = socket.data;
    const { exchange } = upstream;
    const { unsent } = upstream;
    if (unsent === null || exchange === null) return;
    const drained = flush(upstream);
    if (exchange.session.phase === "tunnel") tunnelServerDrained(exchange, upstream, drained);
    else if (drained) requestMoved(exchange, upstream);
    else if (upstream.unsent !== unsent) moved(exchange);
  },
  end(socket) {
    const upstream = socket.data;
    upstream.ended = true;
    const { exchange } = upstream;
    if (exchange?.session.phase === "tunnel") tunnelServerEnded(exchange, upstream);
    else lost(upstream, "server_closed");
  },
  close(socket, error) {
    const upstream = socket.data;
    const { exchange } = upstream;
    upstream.gate.upstreamLeft();
    // When we have ended our half first, Bun tells the server's end as a close in order.
    if (exchange?.session.phase === "tunnel" && !error && (upstream.shut || upstream.ended))
      return tunnelServerGone(exchange, upstream);
    // Without its FIN first it was a reset: what came so far is not known to be all.
    lost(upstream, upstream.ended ? "server_closed" : "server_reset");
  },
  connectError(socket) {
    const upstream = socket.data;
    upstream.gate.upstreamLeft();
    // A unix socket refuses within Bun.connect itself: the exchange must hold this upstream before it hears of it.
    queueMicrotask(() => {
      if (upstream.exchange) serverLost(upstream.exchange, "connect_failed");
    });
  },
  error(socket, error) {
    log.error({ err: error }, "a fault of ours on a connection to a server");
    socket.terminate();
  },
};

function lost(upstream: Upstream, ending: "server_closed" | "server_reset"): void {
  const { exchange } = upstream;
  if (exchange === null) upstream.close();
  else serverLost(exchange, ending);
}
