/** What operators do with single jobs, in the tables. */
import type { Database } from "bun:sqlite";
import { readHistory, readOptions } from "./entry.ts";
import { KILLED, KILLED_ERROR, type LivingFilter, type LivingJob, type LivingState } from "./job_desk.ts";
import type { SqliteChange } from "./sqlite_change.ts";
import { bury } from "./sqlite_dead.ts";
import { leave, lookAgain } from "./sqlite_gates.ts";
import { homeLane } from "./sqlite_lane.ts";
import { extrasOf, HELD, type HeldRow, tellRecord } from "./sqlite_records.ts";

interface LivingRow {
  uid: string;
  lane: number;
  type: string;
  state: string;
  attempt: number;
  payload: string;
  options: string;
  extras: string;
  history: string;
  run_at: number;
}

export function allQueues(db: Database): string[] {
  return db
    .query<{ queue: string }, []>("SELECT queue FROM job UNION SELECT queue FROM dead ORDER BY queue")
    .all()
    .map(({ queue }) => queue);
}

/** Those that run first, then in the order in which they will. */
export function findLiving(
  db: Database,
  queue: string,
  { ids, type, state }: LivingFilter,
  max: number,
  nowMs: number,
): LivingJob[] {
  const rows = db
    .query<LivingRow, [string, number, string | null, string | null, string | null, number]>(
      `SELECT * FROM (
         SELECT *, CASE WHEN owner IS NOT NULL THEN 'running' WHEN parked IS NULL AND run_at > ?2 THEN 'delayed'
           ELSE 'waiting' END AS state FROM job WHERE queue = ?1)
       WHERE (?3 IS NULL OR uid IN (SELECT value FROM json_each(?3))) AND (?4 IS NULL OR type = ?4)
         AND (?5 IS NULL OR state = ?5) ORDER BY owner IS NULL, run_at, id LIMIT ?6`,
    )
    .all(queue, nowMs, ids ? JSON.stringify(ids) : null, type ?? null, state ?? null, max);
  return rows.map((row) => ({
    id: row.uid,
    queue,
    lane: homeLane(row.lane),
    type: row.type,
    state: row.state as LivingState,
    attempts: row.attempt,
    payload: row.payload,
    enqueuedAtMs: enqueuedAtMs(row.options),
    runAtMs: row.run_at,
    error: lastError(row.history),
    hasRecord: extrasOf(row).record !== null,
  }));
}

export function killJobs(change: SqliteChange, queue: string, ids: readonly string[]): string[] {
  const find = change.db.query<HeldRow, [string, string]>(
    `SELECT ${HELD} FROM job WHERE queue = ? AND uid = ?`,
  );
  return ids.filter((id) => {
    const job = find.get(queue, id);
    if (!job) return false;
    bury(change, job, KILLED, KILLED_ERROR, 0);
    leave(change, queue, job.gate);
    // It may have been the one that a limit was about to let go: somebody must be.
    const { limit } = extrasOf(job);
    lookAgain(change, queue, limit ? ["", limit.key] : [""]);
    return true;
  });
}

export function hurryJobs(change: SqliteChange, queue: string, ids: readonly string[]): string[] {
  const { db, nowMs, freed } = change;
  const hurry = db.query<{ uid: string; extras: string }, [number, string, string]>(
    `UPDATE job SET run_at = ?1 WHERE queue = ?2 AND uid = ?3 AND owner IS NULL AND parked IS NULL AND run_at > ?1
     RETURNING uid, extras`,
  );
  return ids.filter((id) => {
    const job = hurry.get(nowMs, queue, id);
    if (!job) return false;
    tellRecord(change, { uid: id, queue }, extrasOf(job), { state: "waiting" });
    freed.add(queue);
    return true;
  });
}

/** 0 when the row can't be read as a job. */
function enqueuedAtMs(options: string): number {
  try {
    return readOptions(JSON.parse(options)).enqueuedAtMs;
  } catch {
    return 0;
  }
}

function lastError(history: string): string {
  return readHistory(history).at(-1)?.error ?? "";
}
