import type { Socket } from "bun";
import type { Timed } from "./deadlines.ts";
import type { Edge } from "./edge.ts";
import type { Exchange } from "./exchange_state.ts";
import type { Peer } from "./peer.ts";
import type { Sender } from "./send.ts";

/**
 * idle: between requests. head: a request head has begun. exchange: a request is being answered. tunnel: bytes both
 * ways. lingering: our last words are sent, what the client still sends is thrown away. closed: gone.
 */
export type SessionPhase = "idle" | "head" | "exchange" | "tunnel" | "lingering" | "closed";

/** Whom the session's deadline waits for. */
export type Waiting = "client" | "queue" | "pause" | "connect" | "server" | "leaving";

/** An address where connections come in, and how many are open of those that did. */
export interface Listener {
  readonly address: string;
  open: number;
}

/** A client connection's life. */
export class Session implements Sender, Timed {
  readonly edge: Edge;
  readonly peer: Peer;
  /** The client's port. */
  port = 0;
  /** Where it came in. */
  listener: Listener | null = null;
  socket: Socket<Session> | null;
  phase: SessionPhase = "idle";
  waiting: Waiting = "client";
  exchange: Exchange | null = null;
  /** Bytes of the client that nobody has read yet: a head in parts, or requests sent ahead. */
  held: Buffer | null = null;
  /** How much of `held` was looked at without finding a whole head. */
  seen = 0;
  /** When the first byte of the head came that is not whole yet, on the clock of performance.now(). */
  headStartMs = 0;
  unsent: Uint8Array | null = null;
  /** Requests are being read out of `held`: what finishes meanwhile must not start to read again. */
  reading = false;
  paused = false;
  /** The client has sent its FIN. */
  ended = false;
  deadlineMs = Number.POSITIVE_INFINITY;
  place = 0;
  requests = 0;
  /** Bytes thrown away while lingering. */
  discarded = 0;

  constructor(edge: Edge, socket: Socket<Session>, peer: Peer) {
    this.edge = edge;
    this.socket = socket;
    this.peer = peer;
  }

  expire(): void {
    this.edge.sessionExpired(this);
  }

  waitFor(waiting: Waiting, timeoutMs: number): void {
    this.waiting = waiting;
    this.deadlineMs = this.edge.deadlines.nowMs + timeoutMs;
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket?.resume();
  }

  hold(bytes: Buffer): void {
    this.held = this.held === null ? bytes : Buffer.concat([this.held, bytes]);
  }
}
