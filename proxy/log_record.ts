import type { Ending, Exchange } from "./exchange_state.ts";
import type { Peer } from "./peer.ts";
import type { Route } from "./router.ts";
import type { Server } from "./server.ts";
import { timersOf } from "./timers.ts";

/** A longer chunk of the client's is not kept whole until the line is written: only its head is, as a copy. */
const CHUNK_BYTES_MAX = 16_384;
const NOTHING = Buffer.alloc(0);

/** What the access log says of an exchange that has ended; reused. */
export class LogRecord {
  /** When it ended, on the clock of performance.now(). */
  endMs = 0;
  id = 0;
  claimedId = "";
  claimedClient = "";
  peer!: Peer;
  port = 0;
  /** The head made no sense, and none of the indexes below means anything. */
  unreadable = false;
  /** The client's bytes, with the request's head in them. */
  bytes: Buffer = NOTHING;
  start = 0;
  methodEnd = 0;
  pathStart = 0;
  targetEnd = 0;
  /** The path that went on, where the client spelled it in another way; "": as it stands. */
  path = "";
  minor = 1;
  hostStart = 0;
  hostNameEnd = 0;
  userAgent = 0;
  referer = 0;
  status = 0;
  ending: Ending = "done";
  /** Of "bad_response". */
  fault = "";
  /** HAProxy's four letters. */
  state = "----";
  headMs = 0;
  queueMs = 0;
  connectMs = 0;
  responseMs = 0;
  activeMs = 0;
  requestBytes = 0;
  responseBytes = 0;
  route: Route | undefined = undefined;
  server: Server | null = null;
  attempts = 0;
  redispatched = false;

  take(exchange: Exchange, ending: Ending, durationMs: number): void {
    const { session, request, bytes, bodyStart } = exchange;
    this.endMs = exchange.startMs + durationMs;
    this.id = exchange.id;
    this.claimedId = exchange.claimedId;
    this.claimedClient = exchange.claimedClient;
    this.peer = session.peer;
    this.port = session.port;
    this.unreadable = exchange.unreadable;
    if (bytes.length <= CHUNK_BYTES_MAX) this.bytes = bytes;
    else this.bytes = exchange.unreadable ? NOTHING : Buffer.from(bytes.subarray(0, bodyStart));
    this.start = request.start;
    this.methodEnd = request.methodEnd;
    this.pathStart = request.pathStart;
    this.targetEnd = request.targetEnd;
    this.path = exchange.reading?.target ? exchange.reading.path : "";
    this.minor = request.minor;
    this.hostStart = request.hostStart;
    this.hostNameEnd = request.hostNameEnd;
    this.userAgent = request.userAgent;
    this.referer = request.referer;
    this.status = exchange.status;
    this.ending = ending;
    this.fault = exchange.fault;
    this.state = exchange.state(ending);
    const timers = timersOf(exchange, durationMs);
    this.headMs = timers.head;
    this.queueMs = timers.queue;
    this.connectMs = timers.connect;
    this.responseMs = timers.response;
    this.activeMs = timers.active;
    this.requestBytes = exchange.requestBody.bytes;
    this.responseBytes = exchange.responseBytes;
    this.route = exchange.route;
    this.server = exchange.server;
    this.attempts = exchange.attempts;
    this.redispatched = exchange.redispatched;
  }
}
