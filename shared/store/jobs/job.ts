/** A job's data as the stores keep it. The payload travels as JSON text: only enqueue and handler look inside. */
import type { Lane } from "./lane.ts";

export interface Backoff {
  /** "curve": n⁴ + 15 s + jitter; "fixed": the same delay each time; "exponential": doubling from it. */
  kind: "curve" | "fixed" | "exponential";
  delayMs: number;
}

/** At most one job of a key in a queue. The lock is the job's: whoever ends it, ends the lock. */
export interface Unique {
  key: string;
  /** How long the lock may hold when nothing is heard of its job. */
  ttlMs: number;
  /** Whether the lock ends with the job or when its first attempt begins. */
  until: "done" | "start";
}

/** The job can be looked up by its id. */
export interface RecordWish {
  /** How long the record stays once the job has ended. */
  ttlMs: number;
  /** Whether what the handler returns is kept in it. */
  result: boolean;
}

/** Jobs of the same key in a queue run at most so many at a time, and begin at most so often, over all workers. */
export interface Limit {
  key: string;
  /** 0: any number. */
  concurrency: number;
  /** null: any rate. At most so many begin in any stretch of `perMs`. */
  rate: { jobs: number; perMs: number } | null;
}

/** What enqueue writes. */
export interface NewJob {
  /** Made by the client (a ULID, or the caller's own), so that a repeated enqueue can be told. */
  id: string;
  queue: string;
  lane: Lane;
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
  /** Not after this moment: then it is dead ("expired"); 0: any time. */
  expiresAtMs: number;
  unique: Unique | null;
  record: RecordWish | null;
  limit: Limit | null;
  /** Acknowledged only when a replica has it too, where the store has replicas. Not kept with the job. */
  durable: boolean;
  enqueuedAtMs: number;
  /** W3C traceparent of who enqueued it; "": none. */
  trace: string;
}

/** A job in a worker's hands. */
export interface ClaimedJob extends NewJob {
  /** 1 at the first try. */
  attempt: number;
  /** What went wrong before, the latest last. */
  history: AttemptFailure[];
  /** Proof of the lease: every settle is refused once another worker has the job. */
  fence: string;
}

export interface AttemptFailure {
  /** NOT_TRIED when no handler was called. */
  attempt: number;
  atMs: number;
  /** Its first line. */
  error: string;
}

/** In a history: a worker met the job and could not begin it, since then. */
export const NOT_TRIED = 0;

/** An entry that could not be read as a job: it goes to dead with the reason "decode", its text kept. */
export interface BrokenEntry {
  queue: string;
  fence: string;
  text: string;
  error: string;
  /** A newer Trivet wrote it, and can read it. */
  isNewer: boolean;
  history: AttemptFailure[];
}

export interface Claim {
  jobs: ClaimedJob[];
  broken: BrokenEntry[];
}

export const DEAD_REASONS = [
  "decode",
  "unknown_type",
  "schema",
  "stalled",
  "exhausted",
  "expired",
  "discarded",
  "killed",
] as const;
export type DeadReason = (typeof DEAD_REASONS)[number];

/** Deaths of a process in which a job was alone, before it is dead ("stalled"). */
export const STALLS_MAX = 3;

/** Leases one attempt may lose of which nobody says why; then it runs alone, as one whose process died. */
export const LOSSES_MAX = 2;

/** How a worker process ended, as far as its jobs are concerned. */
export type WorkerEnd =
  /** It was told to, or never had them: nothing is held against its jobs. */
  | { kind: "stopped" }
  /** By itself, or by one of its jobs. `alone`: it had only one. `how` is for the dead entry, like "ended with code 1". */
  | { kind: "died"; alone: boolean; how: string };

/** What a dead entry says of a job that was alone when its process died, the last time like this. */
export function stalledSentence(how: string): string {
  return `it was alone in its process when that died, ${STALLS_MAX} times; the last time ${how}`;
}

/** `how` when nothing was heard of the process that had the job, nor of its parent. */
export const NOT_HEARD = "nobody renewed its lease";

/** Dead jobs kept a queue; the oldest go first. */
export const DEAD_JOBS_MAX = 10_000;
export const DEAD_AGE_MAX_MS = 180 * 24 * 3_600_000;

/** Failures a job remembers. */
export const HISTORY_MAX = 10;

/** What became of one attempt. */
export type Outcome =
  /** `result` is JSON, for a record that keeps it. */
  | { kind: "ack"; result?: string }
  /** Not tried, or cut short by a shutdown: back into the queue at once, the attempt not counted. */
  | { kind: "release" }
  /** `history` replaces what the job remembers; absent: that stays. */
  | { kind: "retry"; delayMs: number; error: string; history?: readonly AttemptFailure[] }
  /** Later, and the attempt does not count. Where none was begun, neither does its begin count for a rate. */
  | { kind: "defer"; delayMs: number; error: string; history: readonly AttemptFailure[]; begun: boolean }
  | { kind: "dead"; reason: DeadReason; error: string; history?: readonly AttemptFailure[] }
  /** Its handler was told to stop by jobs.cancel, and did. */
  | { kind: "cancelled" };

/** One lease of a worker. */
export interface Lease {
  queue: string;
  fence: string;
}

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
  history: AttemptFailure[];
  diedAtMs: number;
}

/** Which dead jobs; what is absent does not narrow. */
export interface DeadFilter {
  ids?: readonly string[];
  type?: string;
  reason?: DeadReason;
}

export interface QueueCounts {
  queue: string;
  /** Those that a limit holds back count too. */
  waiting: number;
  delayed: number;
  running: number;
  dead: number;
  /** Those of the waiting that run alone, because their process died before. */
  alone: number;
  /** Age of the oldest of the other waiting jobs; 0 when none waits. */
  oldestMs: number;
}
