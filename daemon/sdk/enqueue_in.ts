/** jobs.enqueueIn: a job that is enqueued exactly when a PostgreSQL transaction of the app commits. */
import { writeOutboxEntry } from "../../shared/outbox/outbox_entry.ts";
import { ensureOutbox, INSERT, type RunSql } from "../../shared/outbox/outbox_table.ts";
import type { NewJob } from "../../shared/store/jobs/job.ts";

/** The table was there before the transaction that looked: it is not looked for again. */
let seen = false;
/** Transactions that made it: should they roll back, it is gone. */
const makers = new WeakSet<object>();

/** Rejects with what PostgreSQL says; with the SQL to run when this user may not make the table, or not use it. */
export async function addToOutbox(tx: unknown, jobs: readonly NewJob[]): Promise<void> {
  const run = runnerOf(tx);
  if (!seen) {
    if (!(await ensureOutbox(run, "add"))) makers.add(tx as object);
    seen = !makers.has(tx as object);
  }
  await run(INSERT, [JSON.stringify(jobs.map(writeOutboxEntry))]);
}

function runnerOf(tx: unknown): RunSql {
  if ((typeof tx === "object" || typeof tx === "function") && tx !== null) {
    // Parameters only where there are some: several statements at once go without (PostgreSQL's simple query).
    if ("unsafe" in tx && typeof tx.unsafe === "function") {
      const unsafe = tx.unsafe.bind(tx) as (text: string, parameters?: unknown[]) => Promise<Row[]>;
      return (text, parameters) => (parameters ? unsafe(text, parameters) : unsafe(text));
    }
    if ("query" in tx && typeof tx.query === "function") {
      const query = tx.query.bind(tx) as (text: string, parameters?: unknown[]) => Promise<{ rows: Row[] }>;
      return async (text, parameters) => (await query(text, parameters)).rows ?? [];
    }
  }
  throw new TypeError(
    "jobs.enqueueIn needs the transaction first: sql.begin((tx) => jobs.enqueueIn(tx, type, payload))",
  );
}

type Row = Record<string, unknown>;
