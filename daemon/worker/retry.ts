/** What happens after a failed attempt: whether there is another one, and when. */
import { log } from "../../shared/log.ts";
import {
  type AttemptFailure,
  type Backoff,
  type ClaimedJob,
  HISTORY_MAX,
  type Outcome,
} from "../../shared/store/jobs/job.ts";
import { readBackoff } from "../../shared/store/jobs/new_job.ts";
import { messageOf, within } from "../../shared/thrown_value.ts";
import type { JobHandler } from "../sdk/define_jobs.ts";
import { tried } from "./unknown_type.ts";

const DEFAULT_ATTEMPTS = 25;
const CURVE: Backoff = { kind: "curve", delayMs: 0 };
const HISTORY_LINE_CHARS_MAX = 300;
const LONGEST_DELAY_MS = 30 * 24 * 3_600_000;
/** Nothing else bounds a job that only puts itself off. */
const SNOOZE_SHORTEST_MS = 100;

/** How a failed attempt ended. */
export interface Failure {
  error: string;
  atMs: number;
}

/**
 * The outcome of a failed attempt. What enqueue said wins over the handler's setting, that over 25 attempts on Sidekiq's
 * curve. `random` is in [0, 1).
 */
export function afterFailure(
  job: ClaimedJob,
  handler: JobHandler,
  { error, atMs }: Failure,
  random: number,
): Outcome {
  const history = historyOf(job, { error, atMs });
  const attempts = job.attempts ?? handler.attempts ?? DEFAULT_ATTEMPTS;
  if (job.attempt >= attempts) return { kind: "dead", reason: "exhausted", error, history };
  return { kind: "retry", delayMs: delayMs(job, handler, random), error, history };
}

/** The outcome when the handler asked to be called later: that is no attempt, however often it does. */
export function afterSnooze(job: ClaimedJob, { error, atMs }: Failure, afterMs: number): Outcome {
  const delayMs = Math.max(SNOOZE_SHORTEST_MS, bounded(afterMs));
  return { kind: "defer", delayMs, error, history: historyOf(job, { error, atMs }), begun: true };
}

/** One entry an attempt: of a job that was put off again and again, the latest reason. */
function historyOf({ history, attempt }: ClaimedJob, { error, atMs }: Failure): AttemptFailure[] {
  const [firstLine = ""] = error.split("\n");
  const failure = { attempt, atMs, error: firstLine.slice(0, HISTORY_LINE_CHARS_MAX) };
  return [...tried(history).filter((entry) => entry.attempt !== attempt), failure].slice(-HISTORY_MAX);
}

function delayMs({ type, attempt, backoff }: ClaimedJob, handler: JobHandler, random: number): number {
  if (backoff) return backoffDelayMs(backoff, attempt, random);
  if (typeof handler.backoff !== "function") {
    return backoffDelayMs(readBackoff(type, handler.backoff) ?? CURVE, attempt, random);
  }
  const own = ownDelayMs(handler.backoff, attempt);
  return Number.isFinite(own) ? bounded(own) : backoffDelayMs(CURVE, attempt, random);
}

/** NaN when the user's function fails: the job must still be tried again. */
function ownDelayMs(backoff: (attempt: number) => number, attempt: number): number {
  let failure: unknown = "it takes too long";
  const own = within(() => {
    try {
      return backoff(attempt);
    } catch (error) {
      failure = error;
      return undefined;
    }
  });
  if (own !== undefined) return own;
  const reason = messageOf(failure);
  log.warn({ reason }, "the handler's backoff function failed: waiting as by default");
  return Number.NaN;
}

/** Milliseconds after failed attempt number `attempt`. */
export function backoffDelayMs({ kind, delayMs }: Backoff, attempt: number, random: number): number {
  switch (kind) {
    case "fixed":
      return bounded(delayMs);
    case "exponential":
      return bounded(delayMs * 2 ** (attempt - 1));
    case "curve": {
      // Sidekiq counts retries from 0: n⁴ + 15 + rand(10 (n + 1)) seconds (sidekiq/lib/sidekiq/job_retry.rb).
      const n = attempt - 1;
      return bounded((n ** 4 + 15 + Math.floor(random * 10 * (n + 1))) * 1000);
    }
  }
}

function bounded(ms: number): number {
  return Math.min(LONGEST_DELAY_MS, Math.max(0, Math.round(ms)));
}
