import type { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { sentenceOf } from "../../user_error.ts";
import { type ClaimWish, ClaimWishes } from "./claim_wishes.ts";
import { ClockWatch } from "./clock_watch.ts";
import { CommitWatch } from "./commit_watch.ts";
import type { EnqueueToken } from "./enqueue_token.ts";
import type { Claim, DeadFilter, DeadJob, Lease, NewJob, QueueCounts, Settlement } from "./job.ts";
import type { JobDesk } from "./job_desk.ts";
import type { CronKeeper, JobStore, LeaseKeeper, RecordKeeper } from "./job_store.ts";
import { laneOrder } from "./lane.ts";
import { NO_RULES, type QueueRules, writeRules } from "./queue_rules.ts";
import { QueueWaiters } from "./queue_waiters.ts";
import { hasEnded, type JobRecord, type ProgressNote } from "./record.ts";
import type { SqliteChange } from "./sqlite_change.ts";
import { claimJobs, ownedJobs } from "./sqlite_claim.ts";
import { dropOldDead, reviveDead } from "./sqlite_dead.ts";
import { allQueues, findLiving, hurryJobs, killJobs } from "./sqlite_desk.ts";
import { hearProbe, insertJobs } from "./sqlite_enqueue.ts";
import { lookAgain, nextLookMs, openDue, rulesOf } from "./sqlite_gates.ts";
import { ALONE_LANES } from "./sqlite_lane.ts";
import {
  clockSet,
  freeOwner,
  heldBy,
  holders,
  holdsLease,
  silentOwners,
  touchOwners,
} from "./sqlite_leases.ts";
import { countQueue, listDead, nextDueMs } from "./sqlite_reads.ts";
import { cancelJob, dropOld, getRecord, noteProgress } from "./sqlite_records.ts";
import { isBusy, storeError } from "./sqlite_schema.ts";
import { settleJob } from "./sqlite_settle.ts";
import { SqliteWriter } from "./sqlite_writer.ts";

/** How often a claim looks whether another process has made the file. */
const FILE_POLL_MS = 50;
const READ_RETRY_MS = 5;
/** An enqueue is repeated within seconds or never. */
const HEARD_MS = 120_000;
/** A full disk may take a small write and not the next. */
const PROBE_BYTES = 64 * 1024;
const CALM_MS = 3_000;
/** What is past its time is dropped now and then. */
const DROP_EVERY_MS = 10_000;

/**
 * Jobs in one SQLite file, used in this process: by the store process for a supervisor and all its children, and by
 * short commands directly. The file is made at the first write.
 */
export class SqliteJobStore implements JobStore {
  readonly #writer: SqliteWriter;
  /** By queue for claims, by id for those that wait for a job's end. */
  readonly #waiters = new QueueWaiters();
  readonly #wishes = new ClaimWishes();
  readonly #nowMs: () => number;
  readonly #clock: ClockWatch;
  #watch: CommitWatch | undefined;
  /** Claims so far, by queue. */
  readonly #turns = new Map<string, number>();
  #droppedAtMs = 0;

  constructor(path: string, nowMs: () => number = Date.now) {
    this.#writer = new SqliteWriter(path, nowMs, {
      finish: (change) => this.#handOut(change),
      committed: (change) => this.#tell(change),
      closed: () => {
        this.#watch?.close();
        this.#watch = undefined;
      },
    });
    this.#nowMs = nowMs;
    this.#clock = new ClockWatch(nowMs);
  }

  async enqueue(jobs: readonly NewJob[], token?: EnqueueToken): Promise<string[]> {
    return jobs.length === 0 ? [] : this.#writer.write((change) => insertJobs(change, jobs, token));
  }

  async claim(
    queue: string,
    owner: string,
    max: number,
    waitMs: number,
    signal: AbortSignal,
    alone = false,
  ): Promise<Claim> {
    const endMs = performance.now() + waitMs;
    while (!signal.aborted) {
      const seenWakes = this.#waiters.wakes;
      const dueMs = await this.#read((db) => nextDueMs(db, queue, alone), undefined);
      const untilDueMs = dueMs === undefined ? Number.POSITIVE_INFINITY : dueMs - this.#nowMs();
      if (signal.aborted) break;
      if (untilDueMs <= 0) {
        // A power cut that undoes a lease leaves the job free, as it should be then; settling it is durable.
        const take = (change: SqliteChange) => this.#take(change, queue, { owner, max, alone });
        const claim = await this.#writer.write(take, "fast");
        if (!isEmpty(claim)) return claim;
      }
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) break;
      // At least 1 ms: a claim that lost its job to another process must not spin.
      const found = await this.#waitForJobs(
        queue,
        { owner, max, alone, found: undefined },
        seenWakes,
        Math.max(1, Math.min(leftMs, untilDueMs)),
        signal,
      );
      if (found) return found;
    }
    return { jobs: [], broken: [] };
  }

  /** What `owner` holds of a queue already. */
  owned(queue: string, owner: string): Promise<Claim> {
    // Through the writer, so that claims under way are in it.
    return this.#writer.write(({ db }) => ownedJobs(db, queue, owner));
  }

  settle(owner: string, settlements: readonly Settlement[]): Promise<boolean[]> {
    return this.#writer.write((change) =>
      settlements.map((settlement) => settleJob(change, owner, settlement)),
    );
  }

  holds(owner: string, leases: readonly Lease[]): Promise<boolean[]> {
    return this.#read(
      (db) => leases.map((lease) => holdsLease(db, owner, lease)),
      leases.map(() => false),
    );
  }

  /** A power cut may undo progress: nothing depends on it. */
  note(notes: readonly ProgressNote[]): Promise<boolean[]> {
    return this.#writer.write(
      (change) => notes.map((note) => noteProgress(change, note.fence, note)),
      "fast",
    );
  }

  readonly leases: LeaseKeeper = {
    renew: async (_queues, owners) => {
      const holding = await this.#read((db) => holders(db, owners), []);
      if (holding.length > 0)
        await this.#writer.write(({ db, nowMs }) => touchOwners(db, holding, nowMs), "fast");
    },
    held: (queues, owner) => this.#read((db) => heldBy(db, queues, owner), 0),
    release: (queues, owner, end) => this.#writer.write((change) => freeOwner(change, queues, owner, end)),
    reclaim: async (queues, leaseMs) => {
      await this.#lookAtClock();
      await this.#dropOld();
      const silent = (db: Database) => silentOwners(db, queues, leaseMs, this.#nowMs());
      if ((await this.#read(silent, [])).length === 0) return 0;
      // Asked again inside the transaction: a renewal may have come meanwhile.
      return this.#writer.write((change) =>
        silent(change.db).reduce((sum, owner) => sum + freeOwner(change, queues, owner, { kind: "lost" }), 0),
      );
    },
    // A due job is claimable as it stands: only limits may have to let somebody go.
    promote: async (queues, maxMs) => {
      await this.#lookAtClock();
      const next = (db: Database) =>
        Math.min(...queues.map((queue) => nextLookMs(db, queue) ?? Number.POSITIVE_INFINITY)) - this.#nowMs();
      if ((await this.#read(next, maxMs)) <= 0) {
        await this.#writer.write((change) => {
          for (const queue of queues) openDue(change, queue);
        }, "fast");
      }
      return Math.max(0, Math.min(maxMs, await this.#read(next, maxMs)));
    },
  };

  readonly records: RecordKeeper = {
    get: (id, queue) => this.#read((db) => getRecord({ db, nowMs: this.#nowMs() }, id, queue), undefined),
    wait: async (id, waitMs, signal) => {
      const endMs = performance.now() + waitMs;
      for (;;) {
        const seenWakes = this.#waiters.wakes;
        const record: JobRecord | undefined = await this.records.get(id);
        const leftMs = endMs - performance.now();
        if (!record || hasEnded(record) || leftMs <= 0 || signal.aborted) return record;
        await this.#wait(id, seenWakes, leftMs, signal);
      }
    },
    cancel: async (id) =>
      (await this.records.get(id)) !== undefined && this.#writer.write((change) => cancelJob(change, id)),
  };

  readonly crons: CronKeeper = {
    last: (name) =>
      this.#read(
        (db) => db.query<{ slot: number }, [string]>("SELECT slot FROM cron WHERE name = ?").get(name)?.slot,
        undefined,
      ),
    done: async (name, slotMs) => {
      await this.#writer.write(({ db }) =>
        db
          .query(
            "INSERT INTO cron (name, slot) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET slot = max(slot, excluded.slot)",
          )
          .run(name, slotMs),
      );
    },
  };

  readonly desk: JobDesk = {
    queues: () => this.#read(allQueues, []),
    find: (queue, filter, max) => this.#read((db) => findLiving(db, queue, filter, max, this.#nowMs()), []),
    kill: (queue, ids) => this.#writer.write((change) => killJobs(change, queue, ids)),
    hurry: (queue, ids) => this.#writer.write((change) => hurryJobs(change, queue, ids)),
  };

  counts(queues: readonly string[]): Promise<QueueCounts[]> {
    const none = (queue: string) => ({
      queue,
      waiting: 0,
      delayed: 0,
      running: 0,
      dead: 0,
      alone: 0,
      oldestMs: 0,
    });
    return this.#read((db) => queues.map((queue) => countQueue(db, queue, this.#nowMs())), queues.map(none));
  }

  dead(queue: string, max: number, filter: DeadFilter = {}): Promise<DeadJob[]> {
    return this.#read((db) => listDead(db, queue, max, filter), []);
  }

  replay(queue: string, filter: DeadFilter = {}): Promise<number> {
    return this.#writer.write((change) => reviveDead(change, queue, filter));
  }

  rules(queue: string): Promise<QueueRules> {
    return this.#read((db) => rulesOf(db, queue), NO_RULES);
  }

  async setRules(queue: string, rules: Partial<QueueRules>): Promise<void> {
    await this.#writer.write((change) => {
      const { db, freed } = change;
      const text = writeRules({ ...rulesOf(db, queue), ...rules });
      if (text === "") db.query("DELETE FROM rules WHERE queue = ?").run(queue);
      else db.query("INSERT OR REPLACE INTO rules (queue, text) VALUES (?, ?)").run(queue, text);
      freed.add(queue);
      lookAgain(change, queue, [""]);
    });
  }

  /**
   * Why jobs can't be stored, in a sentence; undefined when they can. Looks whether the file is at its place, and once a
   * write has failed, whether one of a fair size is done again.
   */
  async trouble(): Promise<string | undefined> {
    const { opened, trouble } = this.#writer;
    try {
      if (opened) await this.#writer.database();
      if (!trouble) return undefined;
      await this.#writer.write((change) => hearProbe(change, PROBE_BYTES));
      await this.#writer.write((change) => hearProbe(change, 0));
    } catch (error) {
      return sentenceOf(error);
    }
    if (performance.now() - trouble.atMs < CALM_MS) return trouble.sentence;
    this.#writer.recovered();
    return undefined;
  }

  async close(): Promise<void> {
    this.#watch?.close();
    this.#waiters.wakeAll();
    await this.#writer.close();
  }

  #take(
    change: SqliteChange,
    queue: string,
    { owner, max, alone }: Pick<ClaimWish, "owner" | "max" | "alone">,
  ): Claim {
    if (alone) return claimJobs(change, queue, owner, max, ALONE_LANES);
    const turn = this.#turns.get(queue) ?? 0;
    this.#turns.set(queue, turn + 1);
    return claimJobs(change, queue, owner, max, laneOrder(turn));
  }

  /** Leases what a transaction has freed to claims that wait: they need none of their own. */
  #handOut(change: SqliteChange): void {
    for (const queue of change.freed) {
      // Whether nothing is left, for claims of either kind.
      const none = { alone: false, shared: false };
      for (const wish of this.#wishes.open(queue)) {
        const kind = wish.alone ? "alone" : "shared";
        if (change.gone.has(wish.owner) || none[kind]) continue;
        const claim = this.#take(change, queue, wish);
        if (isEmpty(claim)) none[kind] = true;
        else change.given.set(wish, claim);
      }
    }
  }

  #tell({ freed, ended, given }: SqliteChange): void {
    for (const [wish, claim] of given) wish.found = claim;
    for (const name of [...freed, ...ended]) this.#waiters.wake(name);
  }

  async #lookAtClock(): Promise<void> {
    const stepMs = this.#clock.step();
    if (stepMs === 0 || !existsSync(this.#writer.path)) return;
    await this.#writer.write((change) => clockSet(change, stepMs));
  }

  async #dropOld(): Promise<void> {
    if (performance.now() - this.#droppedAtMs < DROP_EVERY_MS || !existsSync(this.#writer.path)) return;
    this.#droppedAtMs = performance.now();
    await this.#writer.write((change) => {
      dropOld(change, HEARD_MS);
      dropOldDead(change);
    }, "fast");
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

  async #waitForJobs(
    queue: string,
    wish: ClaimWish,
    seenWakes: number,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Claim | undefined> {
    this.#wishes.add(queue, wish);
    await this.#wait(queue, seenWakes, timeoutMs, signal);
    this.#wishes.remove(queue, wish);
    return wish.found;
  }

  /** Woken by this process at once, by commits of others through the watch, or when the file appears. */
  async #wait(name: string, seenWakes: number, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { opened, path } = this.#writer;
    if (opened) this.#watch ??= new CommitWatch(opened, path, () => this.#waiters.wakeAll());
    const limitMs = opened ? timeoutMs : Math.min(timeoutMs, FILE_POLL_MS);
    await this.#waiters.wait(name, seenWakes, limitMs, signal);
  }
}

function isEmpty({ jobs, broken }: Claim): boolean {
  return jobs.length + broken.length === 0;
}
