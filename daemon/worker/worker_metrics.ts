import type { Counter, Histogram, Metrics } from "../../shared/metrics.ts";
import type { DeadReason } from "../../shared/store/jobs/job.ts";

/** Names that the supervisor looks at. */
export const FETCHED = "trivet_jobs_fetched_total";
export const SLOTS = "trivet_jobs_slots";
export const RUNNING = "trivet_jobs_running";
export const STUCK = "trivet_jobs_stuck_handlers";
export const UNKNOWN = "trivet_jobs_unknown_type_total";

/** Of strangers: apps may make them up. */
const UNKNOWN_TYPES_MAX = 50;
const OTHERS = "other";

interface TypeMetrics {
  done: Counter;
  retried: Counter;
  seconds: Histogram;
}

/** What one worker process counts. Types are those of the handlers file only, so that series stay few. */
export class WorkerMetrics {
  readonly slots;
  readonly fetched;
  readonly leasesLost;
  readonly #metrics: Metrics;
  readonly #types = new Map<string, TypeMetrics>();
  readonly #unknown = new Set<string>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.slots = metrics.gauge(SLOTS, "Jobs that can run at a time");
    this.fetched = metrics.counter(FETCHED, "Jobs that workers have taken out of their queues");
    this.leasesLost = metrics.counter(
      "trivet_jobs_leases_lost_total",
      "Outcomes refused because another worker has the job",
    );
  }

  type(type: string): TypeMetrics {
    let known = this.#types.get(type);
    if (!known) {
      known = {
        done: this.#metrics.counter("trivet_jobs_done_total", "Jobs done", { type }),
        retried: this.#metrics.counter("trivet_jobs_retried_total", "Failed attempts that are tried again", {
          type,
        }),
        seconds: this.#metrics.histogram("trivet_jobs_duration_seconds", "Time a handler took", { type }),
      };
      this.#types.set(type, known);
    }
    return known;
  }

  unknownType(queue: string, type: string): Counter {
    const key = `${queue} ${type}`;
    const isNew = !this.#unknown.has(key);
    const named = isNew && this.#unknown.size >= UNKNOWN_TYPES_MAX ? OTHERS : type;
    if (named === type) this.#unknown.add(key);
    const help = "Times a job was put back because no handler here is named as its type";
    return this.#metrics.counter(UNKNOWN, help, { queue, type: named });
  }

  dead(queue: string, reason: DeadReason): Counter {
    return this.#metrics.counter("trivet_jobs_dead_total", "Jobs put into the dead set", { queue, reason });
  }
}
