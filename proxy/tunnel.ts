/** After 101: bytes both ways until both sides have ended (RFC 9110 §7.8). */
import { finish, release } from "./exchange.ts";
import type { Exchange } from "./exchange_state.ts";
import { flush, send } from "./send.ts";
import type { Upstream } from "./upstream.ts";

/** From here on the exchange is a tunnel; `first` came from the server behind its 101. */
export function openTunnel(exchange: Exchange, upstream: Upstream, first: Buffer): void {
  const { session } = exchange;
  session.phase = "tunnel";
  if (first.length > 0) tunnelFromServer(exchange, upstream, first);
  const ahead = session.held;
  session.held = null;
  if (ahead !== null) tunnelFromClient(exchange, ahead.bytes);
  stir(exchange);
  if (upstream.unsent === null) session.resume();
  if (session.ended) tunnelClientEnded(exchange);
}

export function tunnelFromClient(exchange: Exchange, chunk: Buffer): void {
  const { session, upstream } = exchange;
  if (!upstream) return;
  if (!send(upstream, chunk, 0, chunk.length, false)) session.pause();
  stir(exchange);
}

export function tunnelFromServer(exchange: Exchange, upstream: Upstream, chunk: Buffer): void {
  const { session } = exchange;
  exchange.responseBytes += chunk.length;
  if (!send(session, chunk, 0, chunk.length, false)) upstream.pause();
  stir(exchange);
}

/** The client has taken some of what waited for it, or all. */
export function tunnelClientDrained(exchange: Exchange, all: boolean): void {
  const { upstream } = exchange;
  stir(exchange);
  if (!upstream || !all) return;
  upstream.resume();
  if (upstream.ended) passServerEnd(exchange, upstream);
}

export function tunnelServerDrained(exchange: Exchange, upstream: Upstream, all: boolean): void {
  const { session } = exchange;
  stir(exchange);
  if (!all) return;
  session.resume();
  if (session.ended) passClientEnd(exchange, upstream);
}

export function tunnelClientEnded(exchange: Exchange): void {
  const { session, upstream } = exchange;
  session.ended = true;
  stir(exchange);
  if (upstream) passClientEnd(exchange, upstream);
}

export function tunnelServerEnded(exchange: Exchange, upstream: Upstream): void {
  upstream.ended = true;
  stir(exchange);
  passServerEnd(exchange, upstream);
}

/** The server has ended its half and takes nothing more either. */
export function tunnelServerGone(exchange: Exchange, upstream: Upstream): void {
  upstream.socket = null;
  upstream.unsent = null;
  tunnelServerEnded(exchange, upstream);
}

/** A half-close is passed on behind the bytes before it; with both sides ended the tunnel is over. */
function passClientEnd(exchange: Exchange, upstream: Upstream): void {
  if (!flush(upstream)) return;
  if (upstream.ended) return over(exchange);
  upstream.shutdown();
}

function passServerEnd(exchange: Exchange, upstream: Upstream): void {
  const { session } = exchange;
  if (!flush(session)) return;
  if (upstream.socket === null || (session.ended && upstream.unsent === null)) return over(exchange);
  session.shutdown();
}

/** In order, not with a reset: the last bytes may not have been read yet. */
function over(exchange: Exchange): void {
  release(exchange);
  finish(exchange, "done");
}

/** Something moved, or one half has ended. With one half ended a tunnel that is silent has most likely lost its other end, too. */
export function stir({ session, upstream }: Exchange): void {
  const { clientMs, tunnelMs } = session.edge.timeouts;
  const half = session.leaves || upstream?.ended === true;
  session.waitFor("client", half ? Math.min(clientMs, tunnelMs) : tunnelMs);
}
