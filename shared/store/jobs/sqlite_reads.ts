/** What can be seen in the tables without taking the write lock. */
import type { Database } from "bun:sqlite";
import { readHistory } from "./entry.ts";
import type { DeadFilter, DeadJob, DeadReason, QueueCounts } from "./job.ts";
import { LANES } from "./lane.ts";
import { rulesOf } from "./sqlite_gates.ts";
import { ALONE_LANES } from "./sqlite_lane.ts";

interface FreeRow {
  run_at: number;
}

const SHARED_LANES: readonly number[] = LANES.map((_, lane) => lane);
const FREE = "owner IS NULL AND parked IS NULL";

/** When the first free job of a queue is due; undefined when none is free, or the queue is paused. */
export function nextDueMs(db: Database, queue: string, alone: boolean): number | undefined {
  return rulesOf(db, queue).paused ? undefined : firstDueMs(db, queue, alone ? ALONE_LANES : SHARED_LANES);
}

function firstDueMs(db: Database, queue: string, lanes: readonly number[]): number | undefined {
  // "+?": see claimJobs.
  const first = db.query<FreeRow, [string, number]>(
    `SELECT run_at FROM job WHERE ${FREE} AND queue = +? AND lane = +? ORDER BY run_at, id LIMIT 1`,
  );
  const dues = lanes.flatMap((lane) => first.get(queue, lane)?.run_at ?? []);
  return dues.length === 0 ? undefined : Math.min(...dues);
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
    db.query<{ n: number }, (string | number)[]>(`SELECT count(*) AS n FROM ${sql}`).get(...values)?.n ?? 0;
  const free = (due: string, lanes: readonly number[]) =>
    lanes.reduce(
      (sum, lane) =>
        sum + count(`job WHERE ${FREE} AND queue = ? AND lane = ? AND run_at ${due} ?`, queue, lane, nowMs),
      0,
    );
  const alone = free("<=", ALONE_LANES);
  return {
    queue,
    waiting: free("<=", SHARED_LANES) + alone + count("job WHERE queue = ? AND parked IS NOT NULL", queue),
    delayed: free(">", SHARED_LANES) + free(">", ALONE_LANES),
    running: count("job WHERE owner IS NOT NULL AND queue = ?", queue),
    dead: count("dead WHERE queue = ?", queue),
    alone,
    oldestMs: Math.max(0, nowMs - (firstDueMs(db, queue, SHARED_LANES) ?? nowMs)),
  };
}

/** The latest first. */
export function listDead(
  db: Database,
  queue: string,
  max: number,
  { ids, type, reason }: DeadFilter,
): DeadJob[] {
  interface DeadRow {
    uid: string;
    type: string;
    payload: string;
    reason: string;
    error: string;
    attempt: number;
    history: string;
    died_at: number;
  }
  const rows = db
    .query<DeadRow, [string, string | null, string | null, string | null, number]>(
      `SELECT uid, type, payload, reason, error, attempt, history, died_at FROM dead
       WHERE queue = ?1 AND (?2 IS NULL OR uid IN (SELECT value FROM json_each(?2))) AND (?3 IS NULL OR type = ?3)
         AND (?4 IS NULL OR reason = ?4) ORDER BY id DESC LIMIT ?5`,
    )
    .all(queue, ids ? JSON.stringify(ids) : null, type ?? null, reason ?? null, max);
  return rows.map(({ uid, history, died_at, ...row }) => {
    const reason = row.reason as DeadReason;
    return { ...row, id: uid, queue, reason, history: readHistory(history), diedAtMs: died_at };
  });
}
