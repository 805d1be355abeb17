import type { Claim, DeadJob, NewJob, QueueCounts, Settlement } from "./job.ts";

/**
 * One interface, two stores (SQLite, Redis Streams), proved by one conformance suite. All calls reject with a
 * StoreError when the store can't be reached; what resolved is as durable as the store is configured to be.
 */
export interface JobStore {
  /** Resolves when all of them are stored; all or none. */
  enqueue(jobs: readonly NewJob[]): Promise<void>;

  /** Up to `max` jobs of one queue, leased to `owner`; waits up to `waitMs` for the first. Ends empty when aborted. */
  claim(queue: string, owner: string, max: number, waitMs: number, signal: AbortSignal): Promise<Claim>;

  /** In order, whether each outcome was applied: false means the lease was lost and another worker has the job. */
  settle(owner: string, settlements: readonly Settlement[]): Promise<boolean[]>;

  /** The node's duties, called by a parent process that no handler can block. */
  readonly leases: LeaseKeeper;

  counts(queues: readonly string[]): Promise<QueueCounts[]>;
  dead(queue: string, max: number): Promise<DeadJob[]>;
  /** Puts dead jobs back into their queue as new; how many there were. All of the queue without ids. */
  replay(queue: string, ids?: readonly string[]): Promise<number>;

  close(): Promise<void>;
}

export interface LeaseKeeper {
  /** Extends every lease of these owners. */
  renew(queues: readonly string[], owners: readonly string[], leaseMs: number): Promise<void>;
  /** The owner is dead: its jobs are free at once; a death counts as a stalled attempt. How many there were. */
  release(queues: readonly string[], owner: string): Promise<number>;
  /** Frees jobs whose lease ran out; a job that stalled STALLS_MAX times is dead ("stalled"). How many. */
  reclaim(queues: readonly string[], leaseMs: number): Promise<number>;
  /** Moves due delayed jobs into their queue, where the store needs it; milliseconds until the next is due (at most `maxMs`). */
  promote(queues: readonly string[], maxMs: number): Promise<number>;
}
