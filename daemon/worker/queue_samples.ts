import type { Sample } from "../../shared/metrics.ts";
import type { QueueCounts } from "../../shared/store/jobs/job.ts";

const STATES = ["waiting", "delayed", "running", "dead"] as const;

/** The depth of queues as gauges. */
export function queueSamples(counts: readonly QueueCounts[]): Sample[] {
  const depths = counts.flatMap((count) =>
    STATES.map((state): Sample => {
      const labels = { queue: count.queue, state };
      return {
        name: "trivet_jobs_depth",
        kind: "gauge",
        help: "Jobs in the store",
        labels,
        value: count[state],
      };
    }),
  );
  const ages = counts.map(({ queue, oldestMs }): Sample => {
    const help = "Age of the oldest job that waits";
    return {
      name: "trivet_jobs_oldest_seconds",
      kind: "gauge",
      help,
      labels: { queue },
      value: oldestMs / 1000,
    };
  });
  return [...depths, ...ages];
}
