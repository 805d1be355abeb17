import type { Sample } from "../../shared/metrics.ts";
import type { ChildStatus } from "../../shared/process/fleet.ts";
import type { QueueCounts } from "../../shared/store/jobs/job.ts";
import { FETCHED, RUNNING, SLOTS, STUCK } from "./worker_metrics.ts";

/** Jobs wait and nothing is fetched: then the workers' claims are made anew, so often; and health says so. */
const REFETCH_AFTER_MS = 7_500;
const COMPLAIN_AFTER_MS = 15_000;
/** Children give a sign of life every second: handlers block them all. */
const BLOCKED_AFTER_MS = 5_000;

export interface Look {
  nowMs: number;
  /** Queues that are not paused. */
  counts: readonly Pick<QueueCounts, "queue" | "oldestMs">[];
  /** Of all worker processes here. */
  samples: readonly Sample[];
  quiet: boolean;
  /** How long nothing was heard of any worker process here. */
  silentMs: number;
}

/**
 * Notices that jobs wait, workers have room, and all the same none is fetched: a connection that has gone silent
 * without being closed, a worker that waits for what never comes. Or that handlers block all processes, which is no
 * sound way to be busy: their timeouts do not act.
 */
export class WorkWatch {
  #fetched = -1;
  /** Since when there is no other explanation. */
  #sinceMs: number | undefined;
  #refetchedAtMs = 0;
  #queue = "";
  #stuckMs = 0;
  #blocked = false;

  /** "refetch": the workers shall make their claims anew. */
  look({ nowMs, counts, samples, quiet, silentMs }: Look): "refetch" | undefined {
    const fetched = sumOf(samples, FETCHED);
    this.#blocked = silentMs >= BLOCKED_AFTER_MS;
    const hasRoom = this.#blocked || sumOf(samples, RUNNING) < sumOf(samples, SLOTS);
    const [oldest] = counts.toSorted((a, b) => b.oldestMs - a.oldestMs);
    const waits = oldest !== undefined && oldest.oldestMs > 0;
    if (quiet || !hasRoom || !waits || fetched !== this.#fetched) {
      this.#fetched = fetched;
      this.#sinceMs = undefined;
      this.#stuckMs = 0;
      return undefined;
    }
    this.#sinceMs ??= nowMs;
    this.#queue = oldest.queue;
    // A job that has just come is no reason to worry.
    this.#stuckMs = Math.min(nowMs - this.#sinceMs, oldest.oldestMs);
    // Who is blocked hears nothing.
    if (this.#blocked || this.#stuckMs < REFETCH_AFTER_MS || nowMs - this.#refetchedAtMs < REFETCH_AFTER_MS)
      return undefined;
    this.#refetchedAtMs = nowMs;
    return "refetch";
  }

  /** Undefined when all is well. */
  complaint(): string | undefined {
    if (this.#stuckMs < COMPLAIN_AFTER_MS) return undefined;
    const why = this.#blocked ? ": a handler blocks every worker process" : "";
    return `jobs wait in queue ${this.#queue} and no worker here has fetched one for ${Math.round(this.#stuckMs / 1000)} s${why}`;
  }
}

/** How long nothing was heard of any worker that is at work. One that starts gives no sign of life, and is not blocked. */
export function silenceOf(children: readonly Pick<ChildStatus, "state" | "silentMs">[]): number {
  const ready = children.filter(({ state }) => state === "ready");
  return ready.length === 0 ? 0 : Math.min(...ready.map(({ silentMs }) => silentMs));
}

/** Jobs whose handler runs, by these counters. */
export function jobsRunning(samples: readonly Sample[]): number {
  return sumOf(samples, RUNNING);
}

/** Undefined when no handler goes on after its job. */
export function stuckComplaint(samples: readonly Sample[]): string | undefined {
  const stuck = sumOf(samples, STUCK);
  if (stuck === 0) return undefined;
  const what =
    stuck === 1 ? "a handler goes on though its job has" : `${stuck} handlers go on though their jobs have`;
  return `${what} ended: its process is replaced, and leaves when its other jobs are done; the log names it`;
}

function sumOf(samples: readonly Sample[], wanted: string): number {
  return samples.reduce((sum, { name, value }) => (name === wanted ? sum + value : sum), 0);
}
