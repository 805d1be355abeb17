/** A job's data as the stores keep it. The payload travels as JSON text: only enqueue and handler look inside. */

export interface Backoff {
  /** "curve": n⁴ + 15 s + jitter; "fixed": the same delay each time; "exponential": doubling from it. */
  kind: "curve" | "fixed" | "exponential";
  delayMs: number;
}

/** What enqueue writes. */
export interface NewJob {
  /** A ULID made by the client, so that repeating an enqueue whose reply was lost adds nothing where the store can tell. */
  id: string;
  queue: string;
  type: string;
  payload: string;
  /** Tries in all before the job is dead; null: the handler's, else the worker's default. */
  attempts: number | null;
  /** null: the handler's, else the curve. */
  backoff: Backoff | null;
  /** The handler's time for one attempt; 0: no limit; null: the handler's. */
  timeoutMs: number | null;
  /** Not before this moment; 0: at once. */
  runAtMs: number;
  enqueuedAtMs: number;
  /** W3C traceparent of who enqueued it; "": none. */
  trace: string;
}

/** A job in a worker's hands. */
export interface ClaimedJob extends NewJob {
  /** 1 at the first try. */
  attempt: number;
  /** Proof of the lease: every settle is refused once another worker has the job. */
  fence: string;
}

/** An entry that could not be read as a job: it goes to dead with the reason "decode", its text kept. */
export interface BrokenEntry {
  queue: string;
  fence: string;
  text: string;
  error: string;
}

export interface Claim {
  jobs: ClaimedJob[];
  broken: BrokenEntry[];
}

export type DeadReason =
  | "decode"
  | "unknown_type"
  | "schema"
  | "stalled"
  | "exhausted"
  | "expired"
  | "discarded";

/** Worker deaths and lost leases one job may cause before it is dead ("stalled"). */
export const STALLS_MAX = 3;

/** Dead jobs kept a queue; the oldest go first. */
export const DEAD_JOBS_MAX = 10_000;

/** What became of one attempt. */
export type Outcome =
  | { kind: "ack" }
  /** Not tried, or cut short by a shutdown: back into the queue at once, the attempt not counted. */
  | { kind: "release" }
  | { kind: "retry"; delayMs: number; error: string }
  | { kind: "dead"; reason: DeadReason; error: string };

export interface Settlement {
  queue: string;
  fence: string;
  outcome: Outcome;
}

export interface DeadJob {
  queue: string;
  id: string;
  type: string;
  payload: string;
  reason: DeadReason;
  error: string;
  attempt: number;
  diedAtMs: number;
}

export interface QueueCounts {
  queue: string;
  waiting: number;
  delayed: number;
  running: number;
  dead: number;
  /** Age of the oldest waiting job; 0 when none waits. */
  oldestMs: number;
}
