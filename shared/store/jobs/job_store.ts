import type { Claim, DeadFilter, DeadJob, Lease, NewJob, QueueCounts, Settlement, WorkerEnd } from "./job.ts";
import type { JobDesk } from "./job_desk.ts";
import type { QueueRules } from "./queue_rules.ts";
import type { JobRecord, ProgressNote } from "./record.ts";

/**
 * One interface, two stores (SQLite, Redis Streams), proved by one suite (test/job_store/conformance.ts). All calls reject with a
 * StoreError when the store can't be reached; what resolved is as durable as the store is configured to be.
 */
export interface JobStore {
  /**
   * Resolves when all of them are stored, with the id of each: another one's where a unique job waits already. All or
   * none of a queue. A repeat of what the store has (the reply was lost) adds nothing.
   */
  enqueue(jobs: readonly NewJob[]): Promise<string[]>;

  /**
   * Up to `max` jobs of one queue, leased to `owner`; waits up to `waitMs` for the first. Ends empty when aborted. `alone`:
   * of those that must run alone, which no other claim gets.
   */
  claim(
    queue: string,
    owner: string,
    max: number,
    waitMs: number,
    signal: AbortSignal,
    alone?: boolean,
  ): Promise<Claim>;

  /** In order, whether each outcome was applied: false means the lease was lost and another worker has the job. */
  settle(owner: string, settlements: readonly Settlement[]): Promise<boolean[]>;

  /** In order, whether the owner has each of them still: not one that an operator killed, or that went to another worker. */
  holds(owner: string, leases: readonly Lease[]): Promise<boolean[]>;

  /** Progress of running jobs that have a record; in order, whether each should stop because it was cancelled. */
  note(notes: readonly ProgressNote[]): Promise<boolean[]>;

  /** The node's duties, called by a parent process that no handler can block. */
  readonly leases: LeaseKeeper;
  readonly records: RecordKeeper;
  readonly crons: CronKeeper;
  readonly desk: JobDesk;

  counts(queues: readonly string[]): Promise<QueueCounts[]>;
  /** The latest first. */
  dead(queue: string, max: number, filter?: DeadFilter): Promise<DeadJob[]>;
  /** Puts dead jobs back into their queue as new; how many there were. */
  replay(queue: string, filter?: DeadFilter): Promise<number>;

  rules(queue: string): Promise<QueueRules>;
  /** For all workers, at once; what is absent stays as it is. */
  setRules(queue: string, rules: Partial<QueueRules>): Promise<void>;

  close(): Promise<void>;
}

export interface RecordKeeper {
  /** Undefined when there is none (any more). `queue` spares the search. */
  get(id: string, queue?: string): Promise<JobRecord | undefined>;
  /** Resolves with the record when the job has ended or `waitMs` are over; at once when there is none. */
  wait(id: string, waitMs: number, signal: AbortSignal): Promise<JobRecord | undefined>;
  /** Whether the job will not run, or is told to stop; false when it has ended or there is no record. */
  cancel(id: string): Promise<boolean>;
}

/** Up to when each cron was looked after, so that any process may tick. */
export interface CronKeeper {
  /** Undefined when it was never seen. */
  last(name: string): Promise<number | undefined>;
  /** Never goes back. */
  done(name: string, slotMs: number): Promise<void>;
}

export interface LeaseKeeper {
  /** Extends every lease of these owners. */
  renew(queues: readonly string[], owners: readonly string[], leaseMs: number): Promise<void>;
  /** How many jobs of these queues it holds. */
  held(queues: readonly string[], owner: string): Promise<number>;
  /**
   * The owner is gone: its jobs are free at once. When it died with several, each of them runs alone from now on, until
   * an attempt ends; when it died with one, that has stalled once more, and is dead ("stalled") the STALLS_MAX-th time.
   * How many there were.
   */
  release(queues: readonly string[], owner: string, end: WorkerEnd): Promise<number>;
  /**
   * Frees jobs whose lease ran out. One that lost LOSSES_MAX leases so runs alone; one that ran alone has stalled once
   * more. How many.
   */
  reclaim(queues: readonly string[], leaseMs: number): Promise<number>;
  /** Lets go what waited for its moment; milliseconds until the next is due (at most `maxMs`). */
  promote(queues: readonly string[], maxMs: number): Promise<number>;
}
