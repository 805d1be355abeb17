import type { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { CommitWatch } from "./commit_watch.ts";
import type { Claim, DeadJob, NewJob, QueueCounts, Settlement } from "./job.ts";
import type { JobStore, LeaseKeeper } from "./job_store.ts";
import { QueueWaiters } from "./queue_waiters.ts";
import {
  claimJobs,
  freeOwner,
  holders,
  insertJobs,
  ownedJobs,
  reviveDead,
  settleJob,
  silentOwners,
  touchOwners,
} from "./sqlite_operations.ts";
import { countQueue, listDead, nextDueMs } from "./sqlite_reads.ts";
import { isBusy, storeError } from "./sqlite_schema.ts";
import { SqliteWriter } from "./sqlite_writer.ts";

/** How often a claim looks whether another process has made the file. */
const FILE_POLL_MS = 50;
const READ_RETRY_MS = 5;

/**
 * Jobs in one SQLite file, used in this process: by the store process for a supervisor and all its children, and by
 * short commands directly. The file is made at the first write.
 */
export class SqliteJobStore implements JobStore {
  readonly #writer: SqliteWriter;
  readonly #waiters = new QueueWaiters();
  readonly #nowMs: () => number;
  #watch: CommitWatch | undefined;

  constructor(path: string, nowMs: () => number = Date.now) {
    this.#writer = new SqliteWriter(path);
    this.#nowMs = nowMs;
  }

  async enqueue(jobs: readonly NewJob[]): Promise<void> {
    if (jobs.length === 0) return;
    await this.#writer.write((db) => insertJobs(db, jobs, this.#nowMs()));
    for (const queue of new Set(jobs.map((job) => job.queue))) this.#waiters.wake(queue);
  }

  async claim(
    queue: string,
    owner: string,
    max: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Claim> {
    const endMs = performance.now() + waitMs;
    while (!signal.aborted) {
      const seenWakes = this.#waiters.wakes;
      const dueMs = await this.#read((db) => nextDueMs(db, queue), undefined);
      const untilDueMs = dueMs === undefined ? Number.POSITIVE_INFINITY : dueMs - this.#nowMs();
      if (signal.aborted) break;
      if (untilDueMs <= 0) {
        const claim = await this.#writer.write((db) => claimJobs(db, queue, owner, max, this.#nowMs()));
        if (claim.jobs.length + claim.broken.length > 0) return claim;
      }
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) break;
      // At least 1 ms: a claim that lost its job to another process must not spin.
      await this.#wait(queue, seenWakes, Math.max(1, Math.min(leftMs, untilDueMs)), signal);
    }
    return { jobs: [], broken: [] };
  }

  /** What `owner` holds of a queue already. */
  owned(queue: string, owner: string): Promise<Claim> {
    // Through the writer, so that claims under way are in it.
    return this.#writer.write((db) => ownedJobs(db, queue, owner));
  }

  async settle(owner: string, settlements: readonly Settlement[]): Promise<boolean[]> {
    const applied = await this.#writer.write((db) =>
      settlements.map((settlement) => settleJob(db, owner, settlement, this.#nowMs())),
    );
    const requeued = settlements.filter(
      ({ outcome }) => outcome.kind === "release" || outcome.kind === "retry",
    );
    for (const queue of new Set(requeued.map((settlement) => settlement.queue))) this.#waiters.wake(queue);
    return applied;
  }

  readonly leases: LeaseKeeper = {
    renew: async (_queues, owners) => {
      const holding = await this.#read((db) => holders(db, owners), []);
      if (holding.length > 0)
        await this.#writer.write((db) => touchOwners(db, holding, this.#nowMs()), "fast");
    },
    release: (queues, owner) => this.#free(queues, () => [owner]),
    reclaim: async (queues, leaseMs) => {
      const silent = (db: Database) => silentOwners(db, queues, leaseMs, this.#nowMs());
      if ((await this.#read(silent, [])).length === 0) return 0;
      // Asked again inside the transaction: a renewal may have come meanwhile.
      return this.#free(queues, silent);
    },
    // A due job is claimable as it stands: nothing needs to move.
    promote: async (_queues, maxMs) => maxMs,
  };

  counts(queues: readonly string[]): Promise<QueueCounts[]> {
    const none = (queue: string) => ({ queue, waiting: 0, delayed: 0, running: 0, dead: 0, oldestMs: 0 });
    return this.#read((db) => queues.map((queue) => countQueue(db, queue, this.#nowMs())), queues.map(none));
  }

  dead(queue: string, max: number): Promise<DeadJob[]> {
    return this.#read((db) => listDead(db, queue, max), []);
  }

  async replay(queue: string, ids?: readonly string[]): Promise<number> {
    const revived = await this.#writer.write((db) => reviveDead(db, queue, ids, this.#nowMs()));
    this.#waiters.wake(queue);
    return revived;
  }

  async close(): Promise<void> {
    this.#watch?.close();
    this.#waiters.wakeAll();
    await this.#writer.close();
  }

  async #free(queues: readonly string[], owners: (db: Database) => readonly string[]): Promise<number> {
    const freed = await this.#writer.write((db) =>
      owners(db).flatMap((owner) => freeOwner(db, queues, owner, this.#nowMs())),
    );
    for (const queue of new Set(freed)) this.#waiters.wake(queue);
    return freed.length;
  }

  /** A read never makes the file: without one there is nothing to see. */
  async #read<Result>(look: (db: Database) => Result, whenAbsent: Result): Promise<Result> {
    if (!this.#writer.opened && !existsSync(this.#writer.path)) return whenAbsent;
    const db = await this.#writer.database();
    for (;;) {
      try {
        return look(db);
      } catch (error) {
        // A reader meets a lock only while another process recovers or truncates the log (sqlite.org/wal.html).
        if (!isBusy(error)) throw storeError(this.#writer.path, error);
        await Bun.sleep(READ_RETRY_MS);
      }
    }
  }

  /** Woken by this process at once, by commits of others through the watch, or when the file appears. */
  async #wait(queue: string, seenWakes: number, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { opened, path } = this.#writer;
    if (opened) this.#watch ??= new CommitWatch(opened, path, () => this.#waiters.wakeAll());
    const limitMs = opened ? timeoutMs : Math.min(timeoutMs, FILE_POLL_MS);
    await this.#waiters.wait(queue, seenWakes, limitMs, signal);
  }
}
