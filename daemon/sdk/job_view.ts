import type { DeadReason } from "../../shared/store/jobs/job.ts";
import type { Lane } from "../../shared/store/jobs/lane.ts";
import type { JobRecord, JobState } from "../../shared/store/jobs/record.ts";

/** A job's record as user code sees it. */
export interface JobView {
  id: string;
  type: string;
  queue: string;
  lane: Lane;
  state: JobState;
  /** Of the latest try; 0 before the first. */
  attempt: number;
  enqueuedAt: Date;
  /** Null until it has ended. */
  endedAt: Date | null;
  /** What job.progress() was last told; null: nothing yet. */
  progress: unknown;
  /** What the handler returned, for a job enqueued with `keep`; else null. */
  result: unknown;
  /** Why it is dead. */
  reason: DeadReason | null;
  /** Of the latest failed attempt. */
  error: string | null;
}

export function viewOf(record: JobRecord | undefined): JobView | undefined {
  if (!record) return undefined;
  const { id, type, queue, lane, state, attempt, enqueuedAtMs, endedAtMs, progress, result, reason, error } =
    record;
  return {
    ...{ id, type, queue, lane, state, attempt },
    enqueuedAt: new Date(enqueuedAtMs),
    endedAt: endedAtMs > 0 ? new Date(endedAtMs) : null,
    progress: progress === null ? null : JSON.parse(progress),
    result: result === null ? null : JSON.parse(result),
    ...{ reason, error },
  };
}
