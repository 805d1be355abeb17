import type { SocketHandler } from "bun";
import { log } from "../shared/log.ts";
import { responseArrived, serverConnected, serverLost } from "./exchange.ts";
import { requestMoved } from "./request_body.ts";
import { flush } from "./send.ts";
import { tunnelFromServer, tunnelServerDrained, tunnelServerEnded } from "./tunnel.ts";
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
    if (upstream.unsent === null || !flush(upstream) || exchange === null) return;
    if (exchange.session.phase === "tunnel") tunnelServerDrained(exchange, upstream);
    else requestMoved(exchange, upstream);
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
    if (exchange?.session.phase === "tunnel" && !error) return tunnelServerEnded(exchange, upstream);
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
