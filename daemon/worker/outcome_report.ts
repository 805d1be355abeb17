import { log } from "../../shared/log.ts";
import type { BrokenEntry, ClaimedJob, DeadReason, Outcome } from "../../shared/store/jobs/job.ts";
import type { WorkerMetrics } from "./worker_metrics.ts";

/** Counts what became of an attempt whose handler ran, and says in the log what somebody should look at. */
export function reportOutcome(
  metrics: WorkerMetrics,
  job: ClaimedJob,
  outcome: Outcome,
  tookMs: number,
): void {
  const { done, retried, seconds } = metrics.type(job.type);
  seconds.observe(tookMs / 1000);
  switch (outcome.kind) {
    case "ack":
      done.value++;
      return;
    case "retry": {
      retried.value++;
      const { id, type, attempt } = job;
      const retryInS = Math.round(outcome.delayMs / 1000);
      log.warn({ job: id, type, attempt, retryInS, error: outcome.error }, "job failed");
      return;
    }
    case "dead":
      reportDead(metrics, job, outcome.reason, outcome.error);
      return;
    case "defer": {
      const laterInS = Math.round(outcome.delayMs / 1000);
      log.info({ job: job.id, type: job.type, laterInS, reason: outcome.error }, "put off by its handler");
      return;
    }
    case "cancelled":
      log.info({ job: job.id, type: job.type }, "cancelled while it ran");
      return;
    case "release":
      log.warn({ job: job.id, type: job.type }, "stopped in the middle: back to the queue");
      return;
  }
}

export function reportDead(
  metrics: WorkerMetrics,
  entry: ClaimedJob | BrokenEntry,
  reason: DeadReason,
  error: string,
): void {
  metrics.dead(entry.queue, reason).value++;
  const job = "id" in entry ? { job: entry.id, type: entry.type, attempt: entry.attempt } : {};
  log.error({ queue: entry.queue, ...job, error }, `job is dead: ${reason}`);
}
