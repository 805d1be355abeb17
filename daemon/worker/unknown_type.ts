/** What becomes of a job that a worker can't begin and another one may: it waits for that one. */
import {
  type AttemptFailure,
  type DeadReason,
  NOT_TRIED,
  type Outcome,
} from "../../shared/store/jobs/job.ts";

/** It is met again after a quarter of the time it has waited: soon when a rollout is under way, seldom when nobody comes. */
const SHORTEST_MS = 1_000;
const LONGEST_MS = 10_000;
/** However many there are, no more than 200 a second come back of those a worker has put back: others have work to do. */
const APART_MS = 5;
/** Those that were put back together shall not come back together. */
const JITTER = 0.25;

/** A job as far as it waits for its worker. */
export interface Stranger {
  history: readonly AttemptFailure[];
}

/**
 * Puts it back for a while; dead for `reason` once it has waited `waitMs` since a worker first met it, for that is what its
 * history remembers. No attempt is counted. Not before `leastMs`; `random` is in [0, 1).
 */
export function awaitItsWorker(
  { history }: Stranger,
  { reason, error }: { reason: DeadReason; error: string },
  waitMs: number,
  nowMs: number,
  { leastMs, random }: { leastMs: number; random: number },
): Outcome {
  const sinceMs = history.find(({ attempt }) => attempt === NOT_TRIED)?.atMs ?? nowMs;
  const waitedMs = Math.max(0, nowMs - sinceMs);
  if (waitedMs >= waitMs) return { kind: "dead", reason, error };
  const delayMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, waitedMs / 4)) * (1 + JITTER * (2 * random - 1));
  return {
    kind: "defer",
    delayMs: Math.round(Math.min(Math.max(delayMs, leastMs), waitMs - waitedMs)),
    error,
    history: [...tried(history), { attempt: NOT_TRIED, atMs: sinceMs, error }],
    begun: false,
  };
}

/** When those that one worker puts back may come again, one behind the other. */
export class ReturnTimes {
  #latestMs = 0;

  /** How far ahead the next of them is. */
  next(nowMs: number): number {
    this.#latestMs = Math.max(nowMs, this.#latestMs) + APART_MS;
    return this.#latestMs - nowMs;
  }
}

/** What a history tells of tries. */
export function tried(history: readonly AttemptFailure[]): AttemptFailure[] {
  return history.filter(({ attempt }) => attempt !== NOT_TRIED);
}
