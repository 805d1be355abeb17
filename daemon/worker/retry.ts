/** What happens after a failed attempt: whether there is another one, and when. */
import { log } from "../../shared/log.ts";
import { type Backoff, type ClaimedJob, HISTORY_MAX, type Outcome } from "../../shared/store/jobs/job.ts";
import { readBackoff } from "../../shared/store/jobs/new_job.ts";
import { messageOf, within } from "../../shared/thrown_value.ts";
import type { JobHandler } from "../sdk/define_jobs.ts";

const DEFAULT_ATTEMPTS = 25;
const CURVE: Backoff = { kind: "curve", delayMs: 0 };
const HISTORY_LINE_CHARS_MAX = 300;
const LONGEST_DELAY_MS = 30 * 24 * 3_600_000;

/** How a failed attempt ended, and what the handler wishes. */
export interface Failure {
  error: string;
  atMs: number;
  /** What job.retryAfter() asked for. */
  retryAfterMs?: number;
}

/**
 * The outcome of a failed attempt. What the handler asked for in it wins over what enqueue said, that over the
 * handler's setting, that over 25 attempts on Sidekiq's curve. `random` is in [0, 1).
 */
export function afterFailure(
  job: ClaimedJob,
  handler: JobHandler,
  { error, atMs, retryAfterMs }: Failure,
  random: number,
): Outcome {
  const [firstLine = ""] = error.split("\n");
  const failure = { attempt: job.attempt, atMs, error: firstLine.slice(0, HISTORY_LINE_CHARS_MAX) };
  const history = [...job.history, failure].slice(-HISTORY_MAX);
  const attempts = job.attempts ?? handler.attempts ?? DEFAULT_ATTEMPTS;
  if (job.attempt >= attempts) return { kind: "dead", reason: "exhausted", error, history };
  const waitMs = retryAfterMs === undefined ? delayMs(job, handler, random) : bounded(retryAfterMs);
  return { kind: "retry", delayMs: waitMs, error, history };
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
