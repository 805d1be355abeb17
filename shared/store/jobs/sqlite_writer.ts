import type { Database } from "bun:sqlite";
import { log } from "../../log.ts";
import { StoreError } from "../store_error.ts";
import { newChange, type SqliteChange } from "./sqlite_change.ts";
import { SqliteFile } from "./sqlite_file.ts";
import { isBusy, isStorageFault, openDatabase, storeError } from "./sqlite_schema.ts";

const OPERATIONS_A_COMMIT_MAX = 1000;
const PENDING_MAX = 20_000;
const RETRY_MS = 1;
const RETRY_LONGEST_MS = 25;

/**
 * "durable": it survives a power cut once it resolves. "fast": a power cut may undo it, a crash of this process does
 * not. That is enough for leases: undone, the job is simply free again.
 */
export type Durability = "durable" | "fast";

interface Operation {
  durability: Durability;
  run(change: SqliteChange): unknown;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** What belongs to each transaction beside its writes. */
export interface TransactionEnd {
  /** Its last part. Left out where it could be what fails. */
  finish(change: SqliteChange): void;
  committed(change: SqliteChange): void;
  /** Another file is at its place: what was made for the connection is of no use any more. */
  closed(): void;
}

/**
 * All writes of one process, as a group commit: what arrived while the last transaction ran shares the next one, and
 * with it one fsync. When another process holds the file, the group waits without blocking the event loop.
 */
export class SqliteWriter {
  readonly path: string;
  readonly #file: SqliteFile;
  readonly #nowMs: () => number;
  readonly #end: TransactionEnd;
  #db: Database | undefined;
  #pending: Operation[] = [];
  #running: Promise<void> | undefined;
  /** As openDatabase() sets it. */
  #durability: Durability = "durable";
  #closed = false;
  #trouble: { sentence: string; atMs: number } | undefined;

  constructor(path: string, nowMs: () => number, end: TransactionEnd) {
    this.path = path;
    this.#file = new SqliteFile(path);
    this.#nowMs = nowMs;
    this.#end = end;
  }

  /** Runs `work` in the next transaction; resolves once that is committed. It may run again after a rollback. */
  write<Result>(work: (change: SqliteChange) => Result, durability: Durability = "durable"): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (this.#closed) return reject(new StoreError("the store is closed", false));
      if (this.#pending.length >= PENDING_MAX) {
        return reject(
          new StoreError(`${PENDING_MAX} writes wait for ${this.path}: its disk is too slow`, true),
        );
      }
      this.#pending.push({ durability, run: work, resolve: resolve as (value: unknown) => void, reject });
      this.#running ??= this.#work();
    });
  }

  /** The open database, for reads. Rejects with a StoreError when it is not there any more. */
  async database(): Promise<Database> {
    if (this.#closed) throw new StoreError("the store is closed", false);
    if (this.#db) this.#checkFile(this.#db);
    for (let attempt = 0; !this.#db; attempt++) {
      try {
        this.#db = openDatabase(this.#file);
      } catch (error) {
        if (!isBusy(error)) throw error;
        await Bun.sleep(retryDelayMs(attempt));
      }
    }
    return this.#db;
  }

  /** The database when a write or read has opened it already. */
  get opened(): Database | undefined {
    return this.#db;
  }

  /** Why nothing can be stored; undefined when writes are done, as far as is known. */
  get trouble(): { sentence: string; atMs: number } | undefined {
    return this.#trouble;
  }

  /** A write has been done, and none has failed for a while. */
  recovered(): void {
    this.#trouble = undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    this.#db?.close();
    this.#db = undefined;
  }

  async #work(): Promise<void> {
    while (this.#pending.length > 0) {
      // One turn of the event loop: writes that wait in sockets join this group.
      await new Promise<void>((resolve) => setImmediate(resolve));
      const group = this.#pending.splice(0, OPERATIONS_A_COMMIT_MAX);
      try {
        await this.#commit(await this.database(), group);
      } catch (error) {
        const failure = this.#failure(error);
        for (const { reject } of group) reject(failure);
      }
    }
    this.#running = undefined;
  }

  async #commit(db: Database, group: readonly Operation[]): Promise<void> {
    try {
      await this.#transact(db, group, true);
    } catch {
      // One of them is refused: alone, each gets its own answer.
      for (const operation of group) {
        await this.#alone(operation).catch((error: unknown) => operation.reject(this.#failure(error)));
      }
    }
  }

  async #alone(operation: Operation): Promise<void> {
    await this.#transact(await this.database(), [operation], false);
  }

  async #transact(db: Database, group: readonly Operation[], finished: boolean): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        this.#setDurability(db, group);
        const change = newChange(db, this.#nowMs());
        const results = transact(db, () => {
          const all = group.map(({ run }) => run(change));
          if (finished) this.#end.finish(change);
          return all;
        });
        if (this.#durability === "durable" && this.#checkFile(db) === "replaced")
          throw new StoreError(`${this.path} was replaced while this was written: ask again`, true);
        group.forEach(({ resolve }, i) => {
          resolve(results[i]);
        });
        this.#end.committed(change);
        return;
      } catch (error) {
        if (!isBusy(error)) throw error;
        await Bun.sleep(retryDelayMs(attempt));
      }
    }
  }

  /**
   * What is written to a file that nobody finds again is not stored. Lets go of one that was replaced, or whose log was
   * removed: the next call opens what is there. Throws a StoreError when nothing is.
   */
  #checkFile(db: Database): "replaced" | undefined {
    const fault = this.#file.fault(Date.now());
    if (fault === undefined) return undefined;
    if (fault === "removed") throw new StoreError(removed(this.path), true);
    // The log's jobs go into the file they belong to, also where that one is elsewhere now.
    const done = db.query<{ busy: number }, []>("PRAGMA wal_checkpoint(TRUNCATE)").get();
    if (done?.busy !== 0)
      throw new StoreError(`the log of ${this.path} was removed while others read it`, true);
    db.close();
    this.#db = undefined;
    this.#durability = "durable";
    this.#end.closed();
    if (fault === "log") {
      log.warn(
        `the log of ${this.path} was removed while it was open: a new one is made, and no job is lost`,
      );
      return undefined;
    }
    this.#file.dropLog();
    log.warn(
      `${this.path} was replaced while it was open: the jobs of the one that is there now are used from here on`,
    );
    return "replaced";
  }

  #failure(error: unknown): StoreError {
    const failure = storeError(this.path, error);
    if (isStorageFault(error)) this.#trouble = { sentence: failure.message, atMs: performance.now() };
    return failure;
  }

  /** In WAL mode NORMAL leaves out the fsync of a commit (sqlite.org/pragma.html#pragma_synchronous). */
  #setDurability(db: Database, group: readonly Operation[]): void {
    const durability = group.some((operation) => operation.durability === "durable") ? "durable" : "fast";
    if (durability === this.#durability) return;
    db.run(durability === "durable" ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    this.#durability = durability;
  }
}

function transact<Result>(db: Database, work: () => Result): Result {
  db.query("BEGIN IMMEDIATE").run();
  try {
    const result = work();
    db.query("COMMIT").run();
    return result;
  } catch (error) {
    // SQLite itself rolls back after a full disk or an I/O error (sqlite.org/lang_transaction.html).
    if (db.inTransaction) db.run("ROLLBACK");
    throw error;
  }
}

function removed(path: string): string {
  return `${path} was removed while it was open, and nothing more is stored: put it back, or restart to begin with an empty one`;
}

/** Jittered, so that two processes don't meet again and again. */
function retryDelayMs(attempt: number): number {
  return Math.random() * Math.min(RETRY_LONGEST_MS, RETRY_MS * 2 ** attempt);
}
