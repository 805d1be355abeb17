/** Dead jobs in the tables. */
import { DEAD_AGE_MAX_MS, DEAD_JOBS_MAX, type DeadFilter, type DeadReason } from "./job.ts";
import type { SqliteChange } from "./sqlite_change.ts";
import { ALONE } from "./sqlite_lane.ts";
import { endJob, extrasOf, type HeldRow, lock, reviveRecord } from "./sqlite_records.ts";

/** Counting the dead costs a walk over them: not at each. */
const DEAD_TRIM_EVERY = 100;

/** Moves a job among the dead; `attempts` is whether this attempt counts. */
export function bury(
  change: SqliteChange,
  job: HeldRow,
  reason: DeadReason,
  error: string,
  attempts: 0 | 1,
): void {
  const { db, nowMs } = change;
  const dead = db
    .query<{ id: number }, [number, string, string, number, number]>(
      `INSERT INTO dead (uid, queue, lane, type, payload, options, extras, history, attempt, reason, error, died_at)
       SELECT uid, queue, lane % ${ALONE}, type, payload, options, extras, history, attempt + ?, ?, ?, ? FROM job WHERE id = ?
       RETURNING id`,
    )
    .get(attempts, reason, error, nowMs, job.id);
  db.query("DELETE FROM job WHERE id = ?").run(job.id);
  endJob(change, job, extrasOf(job), { state: "dead", attempt: job.attempt + attempts, reason, error });
  if (!dead || dead.id % DEAD_TRIM_EVERY !== 0) return;
  db.query(
    "DELETE FROM dead WHERE queue = ?1 AND id <= (SELECT id FROM dead WHERE queue = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
  ).run(job.queue, DEAD_JOBS_MAX);
}

/** Puts dead jobs back as new. How many there were. */
export function reviveDead(change: SqliteChange, queue: string, { ids, type, reason }: DeadFilter): number {
  const { db, nowMs } = change;
  interface DeadRow {
    id: number;
    uid: string;
    extras: string;
  }
  const rows = db
    .query<DeadRow, [string, string | null, string | null, string | null]>(
      `SELECT id, uid, extras FROM dead WHERE queue = ?1 AND (?2 IS NULL OR uid IN (SELECT value FROM json_each(?2)))
         AND (?3 IS NULL OR type = ?3) AND (?4 IS NULL OR reason = ?4) ORDER BY id`,
    )
    .all(queue, ids ? JSON.stringify(ids) : null, type ?? null, reason ?? null);
  const move = db.query(
    `INSERT INTO job (uid, queue, lane, run_at, type, payload, options, extras)
     SELECT uid, queue, lane, ?, type, payload, options, extras FROM dead WHERE id = ? ON CONFLICT DO NOTHING`,
  );
  for (const row of rows) {
    const { unique, record } = extrasOf(row);
    if (unique) lock(change, { uid: row.uid, queue }, unique);
    if (record) reviveRecord(change, { uid: row.uid, queue });
    move.run(nowMs, row.id);
    db.query("DELETE FROM dead WHERE id = ?").run(row.id);
  }
  if (rows.length > 0) change.freed.add(queue);
  return rows.length;
}

export function dropOldDead({ db, nowMs }: SqliteChange): void {
  db.query("DELETE FROM dead WHERE died_at <= ?").run(nowMs - DEAD_AGE_MAX_MS);
}
