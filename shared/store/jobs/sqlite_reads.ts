/** What can be seen in the tables without taking the write lock. */
import type { Database } from "bun:sqlite";
import type { DeadJob, DeadReason, QueueCounts } from "./job.ts";

interface FreeRow {
  run_at: number;
}

/** When the first free job of a queue is due; undefined when none is free. */
export function nextDueMs(db: Database, queue: string): number | undefined {
  return db
    .query<FreeRow, [string]>(
      "SELECT run_at FROM job WHERE owner IS NULL AND queue = ? ORDER BY run_at, id LIMIT 1",
    )
    .get(queue)?.run_at;
}

/**
 * Changes when another connection has committed (sqlite.org/pragma.html#pragma_data_version). Undefined when it can't
 * be had now: the lock is taken, or the database is closed.
 */
export function dataVersion(db: Database): number | undefined {
  try {
    return db.query<{ data_version: number }, []>("PRAGMA data_version").get()?.data_version;
  } catch {
    return undefined;
  }
}

export function countQueue(db: Database, queue: string, nowMs: number): QueueCounts {
  const count = (sql: string, ...values: (string | number)[]) =>
    db.query<{ n: number }, (string | number)[]>(sql).get(...values)?.n ?? 0;
  const firstDueMs = nextDueMs(db, queue) ?? nowMs;
  return {
    queue,
    waiting: count(
      "SELECT count(*) AS n FROM job WHERE owner IS NULL AND queue = ? AND run_at <= ?",
      queue,
      nowMs,
    ),
    delayed: count(
      "SELECT count(*) AS n FROM job WHERE owner IS NULL AND queue = ? AND run_at > ?",
      queue,
      nowMs,
    ),
    running: count("SELECT count(*) AS n FROM job WHERE owner IS NOT NULL AND queue = ?", queue),
    dead: count("SELECT count(*) AS n FROM dead WHERE queue = ?", queue),
    oldestMs: Math.max(0, nowMs - firstDueMs),
  };
}

/** The latest first. */
export function listDead(db: Database, queue: string, max: number): DeadJob[] {
  interface DeadRow {
    uid: string;
    type: string;
    payload: string;
    reason: string;
    error: string;
    attempt: number;
    died_at: number;
  }
  const rows = db
    .query<DeadRow, [string, number]>(
      "SELECT uid, type, payload, reason, error, attempt, died_at FROM dead WHERE queue = ? ORDER BY id DESC LIMIT ?",
    )
    .all(queue, max);
  return rows.map(({ uid, reason, died_at, ...row }) => {
    return { ...row, id: uid, queue, reason: reason as DeadReason, diedAtMs: died_at };
  });
}
