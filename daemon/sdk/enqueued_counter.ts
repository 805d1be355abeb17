import type { Counter, Metrics } from "../../shared/metrics.ts";
import type { NewJob } from "../../shared/store/jobs/job.ts";

/** Counts what a process has enqueued, by queue. */
export function enqueuedCounter(metrics: Metrics): (jobs: readonly NewJob[]) => void {
  const counters = new Map<string, Counter>();
  return (jobs) => {
    for (const { queue } of jobs) {
      let counter = counters.get(queue);
      if (!counter) {
        counter = metrics.counter("trivet_jobs_enqueued_total", "Jobs enqueued", { queue });
        counters.set(queue, counter);
      }
      counter.value++;
    }
  };
}
