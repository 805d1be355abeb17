import type { EdgeLimits } from "./edge.ts";
import type { EdgeTimeouts } from "./edge_timeouts.ts";
import type { Claims } from "./forwarded_fields.ts";
import { Body } from "./http/body.ts";
import { RequestHead } from "./http/request_head.ts";
import type { PathReading } from "./path_reading.ts";
import type { Reuse } from "./reuse.ts";
import type { Route } from "./router.ts";
import type { Server } from "./server.ts";
import type { Session } from "./session.ts";
import { type Stage, stageOf, terminationState } from "./termination_state.ts";
import type { Upstream } from "./upstream.ts";

/**
 * How an exchange ended, for the log: done; refused by us (bad request, no route); client left; a timeout; the server
 * failed before its answer, or in the middle of it.
 */
export type Ending =
  | "done"
  | "refused"
  | "health"
  | "client_left"
  | "client_timeout"
  | "connect_failed"
  | "connect_timeout"
  | "server_timeout"
  | "server_closed"
  | "server_reset"
  | "bad_response"
  | "truncated"
  | "no_server"
  | "queue_timeout"
  | "queue_full"
  | "drain_deadline";

/** One request and its response: all that is known of it. Its story is told in exchange.ts; records are reused. */
export class Exchange {
  session!: Session;
  readonly request = new RequestHead();
  /** The bytes that hold the request's head, and after it what of the body came along. Kept until the answer begins. */
  bytes!: Buffer;
  /** Index in `bytes` after the head. */
  bodyStart = 0;
  readonly requestBody = new Body();
  readonly responseBody = new Body();
  /** The limits in force when it came. */
  limits!: EdgeLimits;
  /** How its path is read where it can be spelled in other ways; null: as it stands. */
  reading: PathReading | null = null;
  route: Route | undefined = undefined;
  /** What stands for the client where the backend's balance goes by that; 0: nothing does. */
  clientKey = 0;
  server: Server | null = null;
  upstream: Upstream | null = null;
  id = 0;
  attempts = 0;
  /** Attempts whose server was given back. */
  released = 0;
  /** Of "bad_response": the rule that the server's answer broke; else "". */
  fault = "";
  /** How it ended, when the answer was our own and the client has yet to take it. */
  ending: Ending = "done";
  /** The head made no sense: nothing in it can be quoted, and what follows it is not read. */
  unreadable = false;
  /** `bytes` still holds all of the body that went out. */
  replayable = true;
  idempotent = false;
  isHead = false;
  /** Some of the request went to the present upstream. */
  sent = false;
  /** Some of a response came, interim ones too. */
  heard = false;
  /** Interim responses so far. */
  interims = 0;
  /** Some of the final response went to the client. */
  answered = false;
  /** The connection to the client ends with this exchange. */
  closing = false;
  /** Whether the connection to the server may carry another request. */
  reuse: Reuse = "ends";
  eventStream = false;
  /** Seconds the server keeps idle connections, when it says so. */
  keepAliveTimeoutS = 0;
  status = 0;
  responseBytes = 0;
  /** When its head was whole, on the clock of performance.now(). */
  startMs = 0;
  /** Milliseconds from the first byte of its head to the last. */
  headMs = 0;
  /** When it was given to its first server; -1: to none. Later than `startMs` only when it waited in a queue. */
  dispatchedMs = -1;
  /** When the connection it went out on was there; -1: none yet. */
  connectedMs = -1;
  /** Milliseconds from the start to the whole head of the answer; -1: none came. */
  firstByteMs = -1;
  /** It waits in a queue now, or gave up there. */
  queued = false;
  /** How many waited before it for the same server, and for any server of the backend. */
  serverQueue = 0;
  backendQueue = 0;
  /** It went to another server than its first one. */
  redispatched = false;
  /** How far it had come when we answered ourselves; undefined when a server's answer is on its way. */
  stage: Stage | undefined = undefined;
  /** What a trusted proxy said; null: nobody trusted sent it. */
  claims: Claims | null = null;
  /** Whom a trusted proxy named as its client, and the id it gave the request; "": nothing. */
  claimedClient = "";
  claimedId = "";

  begin(
    session: Session,
    bytes: Buffer,
    bodyStart: number,
    id: number,
    startMs: number,
    headMs: number,
  ): void {
    this.session = session;
    this.limits = session.edge.limits;
    this.bytes = bytes;
    this.bodyStart = bodyStart;
    this.id = id;
    this.startMs = startMs;
    this.headMs = headMs;
    this.reading = null;
    this.route = undefined;
    this.server = null;
    this.upstream = null;
    this.attempts = this.released = 0;
    this.ending = "done";
    this.fault = "";
    this.unreadable = false;
    this.replayable = true;
    this.idempotent = this.isHead = false;
    this.sent = this.heard = this.answered = this.closing = this.eventStream = false;
    this.reuse = "ends";
    this.keepAliveTimeoutS = 0;
    this.status = 0;
    this.responseBytes = 0;
    this.interims = 0;
    this.dispatchedMs = this.connectedMs = this.firstByteMs = -1;
    this.queued = this.redispatched = false;
    this.serverQueue = this.backendQueue = 0;
    this.stage = undefined;
    this.claims = null;
    this.claimedClient = this.claimedId = "";
  }

  /** How far it has come now. */
  get reached(): Stage {
    const { queued, dispatchedMs, connectedMs, answered, responseBody } = this;
    return stageOf({ queued, dispatchedMs, connectedMs, answered, responseDone: responseBody.done });
  }

  /** HAProxy's four letters for how it ended. The first thing that ended it counts: when we had answered, why we did. */
  state(ending: Ending): string {
    const { stage, server } = this;
    return stage === undefined
      ? terminationState(ending, this.reached, server !== null)
      : terminationState(this.ending, stage, server !== null);
  }

  /** The deadlines of its route; those of the edge while it has none. */
  get timeouts(): EdgeTimeouts {
    return this.route === undefined ? this.session.edge.timeouts : this.route.timeouts;
  }

  bodyTooLarge(bytes: number): boolean {
    const { bodyBytesMax } = this.limits;
    return bodyBytesMax > 0 && bytes > bodyBytesMax;
  }

  get method(): string {
    return this.bytes.toString("latin1", this.request.start, this.request.methodEnd);
  }

  /** The target's path without its query, as routes are found by it. */
  get path(): string {
    if (this.reading !== null) return this.reading.path;
    const target = this.bytes.toString("latin1", this.request.pathStart, this.request.targetEnd);
    const query = target.indexOf("?");
    const path = query < 0 ? target : target.slice(0, query);
    // "OPTIONS *" asks the server as a whole.
    return path === "" || path === "*" ? "/" : path;
  }

  /** Path and query. */
  get target(): string {
    return this.bytes.toString("latin1", this.request.pathStart, this.request.targetEnd);
  }

  /** Who asks, as far as a trusted proxy knows. */
  get clientAddress(): string {
    return this.claimedClient || this.session.peer.address;
  }

  /** The host's name without its port. */
  get host(): string {
    return this.bytes.toString("latin1", this.request.hostStart, this.request.hostNameEnd);
  }
}

/** Records waiting to be used again. */
const SPARE_MAX = 1024;

export class Exchanges {
  readonly #spare: Exchange[] = [];

  take(): Exchange {
    return this.#spare.pop() ?? new Exchange();
  }

  give(exchange: Exchange): void {
    if (this.#spare.length < SPARE_MAX) this.#spare.push(exchange);
  }
}
