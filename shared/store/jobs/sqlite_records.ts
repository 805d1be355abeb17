/** Records and locks of jobs in the tables. */
import type { Database } from "bun:sqlite";
import { type JobExtras, readExtras } from "./entry.ts";
import type { DeadReason, NewJob, Unique } from "./job.ts";
import { LANE_NUMBERS, laneNumbered } from "./lane.ts";
import { hasEnded, type JobRecord, type JobState } from "./record.ts";
import type { SqliteChange } from "./sqlite_change.ts";
import { lookAgain } from "./sqlite_gates.ts";

const DROPPED_AT_ONCE = 1_000;

/** A leased job, as far as its end is concerned. */
export interface HeldRow {
  id: number;
  uid: string;
  queue: string;
  lane: number;
  run_at: number;
  attempt: number;
  stalls: number;
  losses: number;
  gate: string | null;
  extras: string;
}

export const HELD = "id, uid, queue, lane, run_at, attempt, stalls, losses, gate, extras";

interface RecordRow {
  uid: string;
  queue: string;
  lane: number;
  type: string;
  state: string;
  attempt: number;
  enqueued_at: number;
  ended_at: number;
  progress: string | null;
  result: string | null;
  reason: string | null;
  error: string | null;
}

interface JobRef {
  uid: string;
  queue: string;
}

/** What a change of state tells the record; what is absent stays. */
export interface RecordNews {
  state?: JobState;
  attempt?: number;
  result?: string;
  reason?: DeadReason;
  error?: string;
}

/** One whose time is over is as good as gone, whenever it is dropped. */
const IN_TIME = "(keep_until IS NULL OR keep_until > ?1)";

/** There must be none in its time. */
export function addRecord({ db, nowMs }: SqliteChange, job: NewJob): void {
  const state: JobState = job.runAtMs > nowMs ? "delayed" : "waiting";
  db.query(
    "INSERT OR REPLACE INTO record (uid, queue, lane, type, state, enqueued_at) VALUES (?, ?, ?, ?, ?, ?)",
  ).run(job.id, job.queue, LANE_NUMBERS[job.lane], job.type, state, job.enqueuedAtMs);
}

export function hasRecord({ db, nowMs }: SqliteChange, { uid, queue }: JobRef): boolean {
  const found = db.query(`SELECT 1 FROM record WHERE uid = ?2 AND queue = ?3 AND ${IN_TIME}`);
  return found.get(nowMs, uid, queue) !== null;
}

export function tellRecord(
  { db }: SqliteChange,
  { uid, queue }: JobRef,
  { record }: JobExtras,
  news: RecordNews,
): void {
  if (!record) return;
  const { state = null, attempt = null, result = null, reason = null, error = null } = news;
  db.query(
    `UPDATE record SET state = coalesce(?, state), attempt = coalesce(?, attempt), result = coalesce(?, result),
       reason = coalesce(?, reason), error = coalesce(?, error) WHERE uid = ? AND queue = ?`,
  ).run(state, attempt, result, reason, error, uid, queue);
}

/** The job is at its end: so is its lock, and its record stays for its time only. */
export function endJob(change: SqliteChange, job: JobRef, extras: JobExtras, news: RecordNews): void {
  if (extras.unique) unlock(change, job, extras.unique);
  if (!extras.record) return;
  tellRecord(change, job, extras, news);
  change.db
    .query("UPDATE record SET ended_at = ?, keep_until = ? WHERE uid = ? AND queue = ?")
    .run(change.nowMs, change.nowMs + extras.record.ttlMs, job.uid, job.queue);
  change.ended.add(job.uid);
}

/** A dead job lives again. */
export function reviveRecord({ db }: SqliteChange, { uid, queue }: JobRef): void {
  db.query(
    `UPDATE record SET state = 'waiting', attempt = 0, ended_at = 0, keep_until = NULL, cancelled = 0, progress = NULL,
       reason = NULL, error = NULL WHERE uid = ? AND queue = ?`,
  ).run(uid, queue);
}

/** The id of the job that has the lock, when it is another one. Else the lock is this one's. */
export function lock(
  { db, nowMs }: SqliteChange,
  { uid, queue }: JobRef,
  unique: Unique,
): string | undefined {
  const holder = db
    .query<{ uid: string }, [string, string, number]>(
      "SELECT uid FROM lock WHERE queue = ? AND key = ? AND until > ?",
    )
    .get(queue, unique.key, nowMs);
  if (holder && holder.uid !== uid) return holder.uid;
  db.query("INSERT OR REPLACE INTO lock (queue, key, uid, until) VALUES (?, ?, ?, ?)").run(
    queue,
    unique.key,
    uid,
    nowMs + unique.ttlMs,
  );
  return undefined;
}

/** The job waits on: its lock must last until then. */
export function extendLock(
  { db, nowMs }: SqliteChange,
  { uid, queue }: JobRef,
  unique: Unique,
  delayMs: number,
): void {
  db.query("UPDATE lock SET until = ? WHERE queue = ? AND key = ? AND uid = ?").run(
    nowMs + delayMs + unique.ttlMs,
    queue,
    unique.key,
    uid,
  );
}

export function unlock({ db }: SqliteChange, { uid, queue }: JobRef, { key }: Unique): void {
  db.query("DELETE FROM lock WHERE queue = ? AND key = ? AND uid = ?").run(queue, key, uid);
}

export function getRecord(
  { db, nowMs }: Pick<SqliteChange, "db" | "nowMs">,
  id: string,
  queue?: string,
): JobRecord | undefined {
  const row = db
    .query<RecordRow, [number, string, string | null]>(
      `SELECT * FROM record WHERE uid = ?2 AND (?3 IS NULL OR queue = ?3) AND ${IN_TIME}
       ORDER BY enqueued_at DESC LIMIT 1`,
    )
    .get(nowMs, id, queue ?? null);
  if (!row) return undefined;
  const { progress, result, error, attempt, type } = row;
  const state = row.state === "delayed" && isDue(db, row, nowMs) ? "waiting" : (row.state as JobState);
  return {
    ...{ id, queue: row.queue, lane: laneNumbered(row.lane), type, state, attempt },
    ...{ enqueuedAtMs: row.enqueued_at, endedAtMs: row.ended_at, progress, result, error },
    reason: row.reason as DeadReason | null,
  };
}

/** It waits then: nothing moves it, and nobody tells its record. */
function isDue(db: Database, { uid, queue }: JobRef, nowMs: number): boolean {
  const due = db.query("SELECT 1 FROM job WHERE uid = ? AND queue = ? AND run_at <= ?");
  return due.get(uid, queue, nowMs) !== null;
}

/** Whether the job will not run, or is told to stop. */
export function cancelJob(change: SqliteChange, id: string): boolean {
  const { db } = change;
  const record = getRecord(change, id);
  if (!record || hasEnded(record)) return false;
  const { queue } = record;
  const job = { uid: id, queue };
  if (record.state === "running") {
    db.query("UPDATE record SET cancelled = 1 WHERE uid = ? AND queue = ?").run(id, queue);
    return true;
  }
  const row = db
    .query<{ extras: string }, [string, string]>(
      "DELETE FROM job WHERE uid = ? AND queue = ? RETURNING extras",
    )
    .get(id, queue);
  const extras = readExtras(row?.extras ?? "");
  // It may have been the one that was let go by a limit: somebody must be.
  lookAgain(change, queue, extras.limit ? ["", extras.limit.key] : [""]);
  endJob(change, job, extras, { state: "cancelled" });
  return true;
}

/** Progress of a running job, by its fence; whether it was cancelled. */
export function noteProgress(
  { db }: SqliteChange,
  fence: string,
  { queue, id, progress }: { queue: string; id: string; progress: string | null },
): boolean {
  const [row = 0, token = 0] = fence.split(":").map(Number);
  const held = db
    .query("SELECT 1 FROM job WHERE id = ? AND token = ? AND owner IS NOT NULL AND uid = ?")
    .get(row, token, id);
  if (!held) return false;
  const found = db
    .query<{ cancelled: number }, [string | null, string, string]>(
      "UPDATE record SET progress = coalesce(?, progress) WHERE uid = ? AND queue = ? RETURNING cancelled",
    )
    .get(progress, id, queue);
  return found?.cancelled === 1;
}

/** Drops what is past its time, a bounded number at once. */
export function dropOld({ db, nowMs }: SqliteChange, heardMs: number): void {
  db.query(
    "DELETE FROM record WHERE (uid, queue) IN (SELECT uid, queue FROM record WHERE keep_until <= ? LIMIT ?)",
  ).run(nowMs, DROPPED_AT_ONCE);
  db.query("DELETE FROM lock WHERE until <= ?").run(nowMs);
  db.query("DELETE FROM gate WHERE begins_until <= ? AND look_at IS NULL").run(nowMs);
  db.query("DELETE FROM heard WHERE at <= ?").run(nowMs - heardMs);
}

/** A broken row has none. */
export function extrasOf({ extras }: { extras: string }): JobExtras {
  try {
    return readExtras(extras);
  } catch {
    return readExtras("");
  }
}
