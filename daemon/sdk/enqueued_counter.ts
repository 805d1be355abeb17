import type { Counter, Metrics } from "../../shared/metrics.ts";
import type { NewJob } from "../../shared/store/jobs/job.ts";

/** An app may name queues after its users: the rest is counted together. */
const QUEUES_MAX = 100;
const OTHERS = "other";

/** Counts what a process has enqueued, by queue. */
export function enqueuedCounter(metrics: Metrics): (jobs: readonly NewJob[]) => void {
  const counters = new Map<string, Counter>();
  return (jobs) => {
    for (const { queue } of jobs) {
      const label = counters.has(queue) || counters.size < QUEUES_MAX ? queue : OTHERS;
      let counter = counters.get(label);
      if (!counter) {
        counter = metrics.counter("trivet_jobs_enqueued_total", "Jobs enqueued", { queue: label });
        counters.set(label, counter);
      }
      counter.value++;
    }
  };
}
