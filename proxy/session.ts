import type { Socket } from "bun";
import type { Timed } from "./deadlines.ts";
import type { Edge } from "./edge.ts";
import type { Exchange } from "./exchange_state.ts";
import { HeldBytes } from "./held_bytes.ts";
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
export interface Entrance {
  readonly address: string;
  readonly edge: Edge;
  open: number;
}

const PAUSED = 1;
const ENDED = 2;
const READING = 4;
const USED = 8;
const HAS_PRIVATE = 16;
const SHUT = 32;
const LEAVES = 64;

/**
 * What a client sends ahead of its turn is read and held up to here: only while we read do we hear at once that it has
 * gone. Beyond, it is not read any more, and paused_sessions.ts asks the kernel for its end.
 */
export const HELD_BYTES_MAX = 65_536;

/**
 * A client connection's life. Tens of thousands of them wait at a time, and an object of twelve fields takes 112 bytes,
 * one of thirteen 160, one of nineteen 224 (measured): what can be told in a bit is, and what is seldom needed lives
 * elsewhere.
 */
export class Session implements Sender, Timed {
  readonly entrance: Entrance;
  readonly peer: Peer;
  /** The client's port. */
  readonly port: number;
  socket: Socket<Session> | null;
  phase: SessionPhase = "idle";
  waiting: Waiting = "client";
  exchange: Exchange | null = null;
  held: HeldBytes | null = null;
  unsent: Uint8Array | null = null;
  deadlineMs = Number.POSITIVE_INFINITY;
  place = 0;
  #marks = 0;

  constructor(entrance: Entrance, socket: Socket<Session>, peer: Peer, port: number) {
    this.entrance = entrance;
    this.socket = socket;
    this.peer = peer;
    this.port = port;
  }

  get edge(): Edge {
    return this.entrance.edge;
  }

  get paused(): boolean {
    return (this.#marks & PAUSED) !== 0;
  }

  /** The client has sent its FIN, and all before it was read. */
  get ended(): boolean {
    return (this.#marks & ENDED) !== 0;
  }

  set ended(now: boolean) {
    this.#mark(ENDED, now);
  }

  /** The client's FIN is known to have come, be it behind bytes that are not read yet. */
  get leaves(): boolean {
    return (this.#marks & (ENDED | LEAVES)) !== 0;
  }

  set leaves(now: boolean) {
    this.#mark(LEAVES, now);
  }

  /** A request came, whole or not. */
  get used(): boolean {
    return (this.#marks & USED) !== 0;
  }

  set used(now: boolean) {
    this.#mark(USED, now);
  }

  /** Requests are being read out of `held`: what finishes meanwhile must not start to read again. */
  get reading(): boolean {
    return (this.#marks & READING) !== 0;
  }

  set reading(now: boolean) {
    this.#mark(READING, now);
  }

  /** A connection to a server waits that is this client's alone (private_connections.ts). */
  get hasPrivate(): boolean {
    return (this.#marks & HAS_PRIVATE) !== 0;
  }

  set hasPrivate(now: boolean) {
    this.#mark(HAS_PRIVATE, now);
  }

  expire(): void {
    this.edge.sessionExpired(this);
  }

  waitFor(waiting: Waiting, timeoutMs: number): void {
    this.waiting = waiting;
    this.deadlineMs = this.edge.deadlines.nowMs + timeoutMs;
  }

  /** We have sent our FIN. */
  get shut(): boolean {
    return (this.#marks & SHUT) !== 0;
  }

  shutdown(): void {
    this.#mark(SHUT, true);
    this.socket?.shutdown();
  }

  pause(): void {
    if (this.paused) return;
    this.#mark(PAUSED, true);
    this.edge.paused.add(this);
    this.socket?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.#mark(PAUSED, false);
    this.edge.paused.delete(this);
    this.socket?.resume();
  }

  /** Reads on, unless as much as we hold is here already. */
  readOn(): void {
    if (this.paused && !this.holdsAll) this.resume();
  }

  /** Keeps bytes that came ahead of their turn. */
  hold(bytes: Buffer): void {
    if (this.held === null) this.held = new HeldBytes(bytes);
    else this.held.append(bytes);
    if (this.holdsAll) this.pause();
  }

  get holdsAll(): boolean {
    return this.held !== null && this.held.bytes.length >= HELD_BYTES_MAX;
  }

  #mark(bit: number, on: boolean): void {
    this.#marks = on ? this.#marks | bit : this.#marks & ~bit;
  }
}
