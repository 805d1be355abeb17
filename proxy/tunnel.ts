/** After 101: bytes both ways until both sides have ended (RFC 9110 §7.8). */
import { finish, release } from "./exchange.ts";
import type { Exchange } from "./exchange_state.ts";
import { flush, send } from "./send.ts";
import type { Session } from "./session.ts";
import type { Upstream } from "./upstream.ts";

/** From here on the exchange is a tunnel; `first` came from the server behind its 101. */
export function openTunnel(exchange: Exchange, upstream: Upstream, first: Buffer): void {
  const { session } = exchange;
  session.phase = "tunnel";
  if (first.length > 0) tunnelFromServer(exchange, upstream, first);
  const ahead = session.held;
  session.held = null;
  if (ahead !== null) tunnelFromClient(exchange, ahead.bytes);
  stir(session);
  if (upstream.unsent === null) session.resume();
  if (session.ended) tunnelClientEnded(exchange);
}

export function tunnelFromClient(exchange: Exchange, chunk: Buffer): void {
  const { session, upstream } = exchange;
  if (!upstream) return;
  if (!send(upstream, chunk, 0, chunk.length, false)) session.pause();
  stir(session);
}

export function tunnelFromServer(exchange: Exchange, upstream: Upstream, chunk: Buffer): void {
  const { session } = exchange;
  exchange.responseBytes += chunk.length;
  if (!send(session, chunk, 0, chunk.length, false)) upstream.pause();
  stir(session);
}

export function tunnelClientDrained(exchange: Exchange): void {
  const { session, upstream } = exchange;
  stir(session);
  if (!upstream) return;
  upstream.resume();
  if (upstream.ended) passServerEnd(exchange, upstream);
}

export function tunnelServerDrained(exchange: Exchange, upstream: Upstream): void {
  const { session } = exchange;
  stir(session);
  session.resume();
  if (session.ended) passClientEnd(exchange, upstream);
}

export function tunnelClientEnded(exchange: Exchange): void {
  const { session, upstream } = exchange;
  session.ended = true;
  if (upstream) passClientEnd(exchange, upstream);
}

export function tunnelServerEnded(exchange: Exchange, upstream: Upstream): void {
  upstream.ended = true;
  passServerEnd(exchange, upstream);
}

/** A half-close is passed on behind the bytes before it; with both sides ended the tunnel is over. */
function passClientEnd(exchange: Exchange, upstream: Upstream): void {
  if (!flush(upstream)) return;
  if (upstream.ended) return over(exchange);
  upstream.socket?.shutdown();
}

function passServerEnd(exchange: Exchange, upstream: Upstream): void {
  const { session } = exchange;
  if (!flush(session)) return;
  if (session.ended && upstream.unsent === null) return over(exchange);
  session.socket?.shutdown();
}

/** In order, not with a reset: the last bytes may not have been read yet. */
function over(exchange: Exchange): void {
  release(exchange);
  finish(exchange, "done");
}

function stir(session: Session): void {
  session.waitFor("client", session.edge.timeouts.tunnelMs);
}
