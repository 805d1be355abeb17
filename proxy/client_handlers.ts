import type { SocketHandler } from "bun";
import { log } from "../shared/log.ts";
import { ClientAddress } from "./client_address.ts";
import { clientEnded, clientLeft, moved } from "./departure.ts";
import type { Edge } from "./edge.ts";
import { discard } from "./lingering.ts";
import { requestBodyArrived } from "./request_body.ts";
import { requestArrived } from "./request_reader.ts";
import { clientDrained } from "./response_body.ts";
import { flush } from "./send.ts";
import { type Entrance, Session } from "./session.ts";
import { tunnelClientDrained, tunnelClientEnded, tunnelFromClient } from "./tunnel.ts";

/** What happens on client connections → the story of the exchange they carry. */
export function clientHandlers(edge: Edge, address: string): SocketHandler<Session> {
  const entrance: Entrance = { address, edge, open: 0 };
  const client = new ClientAddress();
  return {
    open(socket) {
      // A client that has reset its connection while it waited to be accepted has no address any more. It gets a
      // session all the same, so that its close finds one.
      client.read(socket);
      const session = new Session(entrance, socket, edge.peers.of(client), client.port);
      entrance.open++;
      socket.data = session;
      edge.opened(session);
    },
    data(socket, chunk) {
      const session = socket.data;
      switch (session.phase) {
        case "idle":
        case "head":
          return requestArrived(session, chunk);
        case "exchange":
          return session.exchange === null ? undefined : requestBodyArrived(session.exchange, chunk);
        case "tunnel":
          return session.exchange === null ? undefined : tunnelFromClient(session.exchange, chunk);
        case "lingering":
          return discard(session, chunk);
        case "closed":
          return;
      }
    },
    drain(socket) {
      const session = socket.data;
      const { exchange, unsent } = session;
      if (unsent === null) return;
      const drained = flush(session);
      if (exchange === null) return;
      if (session.phase === "tunnel") tunnelClientDrained(exchange, drained);
      else if (drained) clientDrained(exchange);
      else if (session.unsent !== unsent) moved(exchange);
    },
    end(socket) {
      const session = socket.data;
      if (session.phase === "tunnel" && session.exchange) tunnelClientEnded(session.exchange);
      else clientEnded(session);
    },
    close(socket, error) {
      const session = socket.data;
      // When we have ended our half first, Bun tells the client's end as a close in order. Otherwise that is a reset
      // which a write of ours has met.
      if (session.phase === "tunnel" && session.exchange && !error && session.shut)
        tunnelClientEnded(session.exchange);
      else clientLeft(session);
    },
    error(socket, error) {
      log.error({ err: error }, "a fault of ours on a client connection");
      socket.terminate();
    },
  };
}
