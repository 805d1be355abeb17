/** What can be known of a job by its id, for those that were enqueued with `id`, `track` or `keep`. */
import type { DeadReason } from "./job.ts";
import type { Lane } from "./lane.ts";

export type JobState = "waiting" | "delayed" | "running" | "done" | "dead" | "cancelled";

export interface JobRecord {
  id: string;
  queue: string;
  lane: Lane;
  type: string;
  state: JobState;
  /** Of the latest try; 0 before the first. One that its worker could not end does not count. */
  attempt: number;
  enqueuedAtMs: number;
  /** 0 until it has ended. */
  endedAtMs: number;
  /** What job.progress() was last told, as JSON; null: nothing yet. */
  progress: string | null;
  /** What the handler returned, as JSON; null: nothing, not yet, or not kept. */
  result: string | null;
  /** Why it is dead; null when it is not. */
  reason: DeadReason | null;
  /** Of the latest failed attempt; null: none failed. */
  error: string | null;
}

/** What a worker tells about a running job that has a record. */
export interface ProgressNote {
  queue: string;
  fence: string;
  id: string;
  /** JSON; null: nothing new. */
  progress: string | null;
}

export function hasEnded({ state }: Pick<JobRecord, "state">): boolean {
  return state === "done" || state === "dead" || state === "cancelled";
}
