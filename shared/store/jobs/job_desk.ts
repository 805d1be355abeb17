import type { DeadReason } from "./job.ts";
import type { Lane } from "./lane.ts";

export const LIVING_STATES = ["waiting", "delayed", "running"] as const;
export type LivingState = (typeof LIVING_STATES)[number];

/** A job that has not ended, as an operator sees it. */
export interface LivingJob {
  id: string;
  queue: string;
  lane: Lane;
  type: string;
  state: LivingState;
  /** Tries that have ended. */
  attempts: number;
  payload: string;
  enqueuedAtMs: number;
  /** Not before this moment. */
  runAtMs: number;
  /** Of its latest failed attempt; "": none failed. */
  error: string;
  /** It can be told to stop while it runs. */
  hasRecord: boolean;
}

/** Which jobs; what is absent does not narrow. */
export interface LivingFilter {
  ids?: readonly string[];
  type?: string;
  state?: LivingState;
}

/** Reason and error of a job that an operator has ended. */
export const KILLED: DeadReason = "killed";
export const KILLED_ERROR = "killed by an operator";

/** What operators do with single jobs. It looks through whole queues, and is no part of a worker's day. */
export interface JobDesk {
  /** All queues that ever had a job here. */
  queues(): Promise<string[]>;
  /** Up to `max` of a queue. */
  find(queue: string, filter: LivingFilter, max: number): Promise<LivingJob[]>;
  /** Moves jobs that have not ended among the dead ("killed"): what a running handler still does counts for nothing. */
  kill(queue: string, ids: readonly string[]): Promise<string[]>;
  /** Lets jobs run now that wait for a moment; the ids of those that did. */
  hurry(queue: string, ids: readonly string[]): Promise<string[]>;
}
