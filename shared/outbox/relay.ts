import postgres from "postgres";
import { log } from "../log.ts";
import type { Counter } from "../metrics.ts";
import type { NewJob } from "../store/jobs/job.ts";
import type { JobStore } from "../store/jobs/job_store.ts";
import { sentenceOf } from "../user_error.ts";
import { readOutboxEntry } from "./outbox_entry.ts";
import { CHANNEL, ensureOutbox, type RunSql } from "./outbox_table.ts";

const JOBS_A_BATCH = 500;
/** Should a notification be lost with its connection. */
const LOOK_MS = 5_000;
/** A batch that takes longer sits on a dead connection. */
const BATCH_WAIT_MS = 30_000;
const CONNECT_WAIT_S = 5;
const RETRY_MS = 100;
const RETRY_LONGEST_MS = 5_000;

const TAKE = `SELECT seq, job FROM trivet.outbox WHERE error IS NULL ORDER BY seq LIMIT ${JOBS_A_BATCH}
  FOR UPDATE SKIP LOCKED`;

/**
 * Moves jobs from the outbox into the store: stored first, then deleted. Any number of relays share the work, since each
 * skips the rows that another one has locked. A session that fails is thrown away with its connections.
 */
export class OutboxRelay {
  readonly #url: string;
  readonly #store: JobStore;
  readonly #relayed: Counter;
  /** Undefined: all is well again. */
  readonly #onTrouble: (sentence: string | undefined) => void;
  readonly #stopped = Promise.withResolvers<void>();
  #isStopped = false;
  #running: Promise<void> | undefined;
  #notified = Promise.withResolvers<void>();

  constructor(
    url: string,
    store: JobStore,
    relayed: Counter,
    onTrouble: (sentence: string | undefined) => void,
  ) {
    this.#url = url;
    this.#store = store;
    this.#relayed = relayed;
    this.#onTrouble = onTrouble;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when the batch under way is done. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopped.resolve();
    await this.#running;
  }

  async #run(): Promise<void> {
    let trouble: string | undefined;
    for (let failures = 0; !this.#isStopped; failures++) {
      try {
        await this.#session(() => {
          if (failures > 0) this.#onTrouble(undefined);
          if (failures > 0) log.info("the outbox in PostgreSQL is relayed again");
          failures = 0;
          trouble = undefined;
        });
      } catch (error) {
        const sentence = `the outbox in PostgreSQL is not relayed: ${sentenceOf(error)}`;
        if (sentence !== trouble) log.warn(sentence);
        trouble = sentence;
        this.#onTrouble(sentence);
        const delayMs = Math.min(RETRY_LONGEST_MS, RETRY_MS * 2 ** Math.min(failures, 10));
        await Promise.race([Bun.sleep(delayMs), this.#stopped.promise]);
      }
    }
  }

  /** Ends when stopped; rejects at the first fault. */
  async #session(onWell: () => void): Promise<void> {
    const sql = postgres(this.#url, {
      max: 1,
      connect_timeout: CONNECT_WAIT_S,
      connection: { application_name: "trivet-outbox" },
      fetch_types: false,
      onnotice: () => undefined,
    });
    try {
      await withDeadline(sql.begin((tx) => ensureOutbox(runnerOf(tx), "relay")));
      await withDeadline(sql.listen(CHANNEL, () => this.#wake()));
      while (!this.#isStopped) {
        const notified = this.#notified.promise;
        const taken = await withDeadline(this.#relayBatch(sql));
        onWell();
        if (taken < JOBS_A_BATCH) await Promise.race([notified, Bun.sleep(LOOK_MS), this.#stopped.promise]);
      }
    } finally {
      await sql.end({ timeout: 0 });
    }
  }

  /** How many rows it took. */
  #relayBatch(sql: postgres.Sql): Promise<number> {
    return sql.begin(async (tx) => {
      const rows = await tx.unsafe<{ seq: string; job: string }[]>(TAKE);
      const jobs: NewJob[] = [];
      const done: string[] = [];
      for (const { seq, job } of rows) {
        try {
          jobs.push(readOutboxEntry(job));
          done.push(seq);
        } catch (error) {
          // It stays, to be looked at, and is not tried again.
          log.error({ seq }, `a row of trivet.outbox can't be relayed: ${sentenceOf(error)}`);
          await tx.unsafe("UPDATE trivet.outbox SET error = $1 WHERE seq = $2::text::bigint", [
            sentenceOf(error),
            seq,
          ]);
        }
      }
      if (jobs.length === 0) return rows.length;
      await this.#store.enqueue(jobs);
      await tx.unsafe(
        "DELETE FROM trivet.outbox WHERE seq IN (SELECT value::bigint FROM jsonb_array_elements_text($1::text::jsonb))",
        [JSON.stringify(done)],
      );
      this.#relayed.value += jobs.length;
      return rows.length;
    }) as Promise<number>;
  }

  #wake(): void {
    const { resolve } = this.#notified;
    this.#notified = Promise.withResolvers();
    resolve();
  }
}

function runnerOf(sql: postgres.TransactionSql): RunSql {
  return async (text, parameters = []) =>
    parameters.length > 0 ? sql.unsafe(text, parameters as string[]) : sql.unsafe(text);
}

async function withDeadline<Result>(work: Promise<Result>): Promise<Result> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("PostgreSQL does not answer")), BATCH_WAIT_MS);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
