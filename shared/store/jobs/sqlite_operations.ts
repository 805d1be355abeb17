/** What each store operation does to the tables. All run inside a transaction of the writer, or as plain reads. */
import type { Database } from "bun:sqlite";
import { readOptions, writeOptions } from "./entry.ts";
import {
  type Claim,
  DEAD_JOBS_MAX,
  type DeadReason,
  type NewJob,
  type Settlement,
  STALLS_MAX,
} from "./job.ts";

interface JobRow {
  id: number;
  uid: string;
  token: number;
  run_at: number;
  attempt: number;
  type: string;
  payload: string;
  options: string;
}

/** Counting the dead costs a walk over them: not at each. */
const DEAD_TRIM_EVERY = 100;
const CLAIMED = "id, uid, token, run_at, attempt, type, payload, options";

export function insertJobs(db: Database, jobs: readonly NewJob[], nowMs: number): void {
  const insert = db.query(
    "INSERT INTO job (uid, queue, run_at, type, payload, options) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (uid) DO NOTHING",
  );
  for (const job of jobs) {
    const options = JSON.stringify(writeOptions(job));
    insert.run(job.id, job.queue, job.runAtMs || nowMs, job.type, job.payload, options);
  }
}

export function claimJobs(db: Database, queue: string, owner: string, max: number, nowMs: number): Claim {
  const rows = db
    .query<JobRow, [string, string, number, number]>(
      `UPDATE job SET owner = ?, token = token + 1
       WHERE id IN (SELECT id FROM job WHERE owner IS NULL AND queue = ? AND run_at <= ? ORDER BY run_at, id LIMIT ?)
       RETURNING ${CLAIMED}`,
    )
    .all(owner, queue, nowMs, max);
  if (rows.length > 0) touchOwners(db, [owner], nowMs);
  // RETURNING promises no order (sqlite.org/lang_returning.html).
  return toClaim(
    queue,
    rows.sort((a, b) => a.run_at - b.run_at || a.id - b.id),
  );
}

/** What `owner` holds of a queue, for a worker that lost the answer to a claim. */
export function ownedJobs(db: Database, queue: string, owner: string): Claim {
  const query = db.query<JobRow, [string, string]>(
    `SELECT ${CLAIMED} FROM job WHERE owner = ? AND queue = ? ORDER BY id`,
  );
  return toClaim(queue, query.all(owner, queue));
}

/** Whether the lease was still held and the outcome is applied. */
export function settleJob(
  db: Database,
  owner: string,
  { fence, outcome }: Settlement,
  nowMs: number,
): boolean {
  const [id = 0, token = 0] = fence.split(":").map(Number);
  switch (outcome.kind) {
    case "ack":
      return (
        db.query("DELETE FROM job WHERE id = ? AND owner = ? AND token = ?").run(id, owner, token).changes > 0
      );
    case "release":
      return (
        db.query("UPDATE job SET owner = NULL WHERE id = ? AND owner = ? AND token = ?").run(id, owner, token)
          .changes > 0
      );
    case "retry":
      return (
        db
          .query(
            "UPDATE job SET owner = NULL, attempt = attempt + 1, run_at = ? WHERE id = ? AND owner = ? AND token = ?",
          )
          .run(nowMs + outcome.delayMs, id, owner, token).changes > 0
      );
    case "dead": {
      const held = db
        .query("SELECT 1 FROM job WHERE id = ? AND owner = ? AND token = ?")
        .get(id, owner, token);
      if (held) bury(db, id, outcome.reason, outcome.error, nowMs, 1);
      return held !== null;
    }
  }
}

/** Extends the leases of these owners: one row each, however many jobs they hold. */
export function touchOwners(db: Database, owners: readonly string[], nowMs: number): void {
  const touch = db.query(
    "INSERT INTO owner (name, heard_at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET heard_at = excluded.heard_at",
  );
  for (const owner of owners) touch.run(owner, nowMs);
}

/** Those that hold a job; the others have no lease to renew. */
export function holders(db: Database, owners: readonly string[]): string[] {
  const holds = db.query("SELECT 1 FROM job WHERE owner = ? LIMIT 1");
  return owners.filter((owner) => holds.get(owner) !== null);
}

/** Frees what a dead owner held of these queues; each job has stalled once more. The queue of each. */
export function freeOwner(db: Database, queues: readonly string[], owner: string, nowMs: number): string[] {
  const held = db
    .query<{ id: number; queue: string; stalls: number }, [string, string]>(
      "SELECT id, queue, stalls FROM job WHERE owner = ? AND queue IN (SELECT value FROM json_each(?))",
    )
    .all(owner, JSON.stringify(queues));
  const free = db.query("UPDATE job SET owner = NULL, stalls = stalls + 1 WHERE id = ?");
  for (const { id, stalls } of held) {
    if (stalls + 1 >= STALLS_MAX) bury(db, id, "stalled", `its worker died ${STALLS_MAX} times`, nowMs, 0);
    else free.run(id);
  }
  db.query("DELETE FROM owner WHERE name = ?1 AND NOT EXISTS (SELECT 1 FROM job WHERE owner = ?1)").run(
    owner,
  );
  return held.map(({ queue }) => queue);
}

/** Owners that nobody renewed in time and that hold jobs of these queues, or none at all. */
export function silentOwners(
  db: Database,
  queues: readonly string[],
  leaseMs: number,
  nowMs: number,
): string[] {
  return db
    .query<{ name: string }, [number, string]>(
      `SELECT name FROM owner WHERE heard_at <= ? AND (
         EXISTS (SELECT 1 FROM job WHERE owner = name AND queue IN (SELECT value FROM json_each(?)))
         OR NOT EXISTS (SELECT 1 FROM job WHERE owner = name))`,
    )
    .all(nowMs - leaseMs, JSON.stringify(queues))
    .map(({ name }) => name);
}

export function reviveDead(
  db: Database,
  queue: string,
  ids: readonly string[] | undefined,
  nowMs: number,
): number {
  const every = "FROM dead WHERE queue = ?";
  const where = ids ? `${every} AND uid IN (SELECT value FROM json_each(?))` : every;
  const bindings = ids ? [queue, JSON.stringify(ids)] : [queue];
  const revived = db
    .query(
      `INSERT INTO job (uid, queue, run_at, type, payload, options)
       SELECT uid, queue, ${nowMs}, type, payload, options ${where} ORDER BY id ON CONFLICT (uid) DO NOTHING`,
    )
    .run(...bindings).changes;
  db.query(`DELETE ${where}`).run(...bindings);
  return revived;
}

function bury(
  db: Database,
  id: number,
  reason: DeadReason,
  error: string,
  nowMs: number,
  attempts: 0 | 1,
): void {
  const dead = db
    .query<{ id: number; queue: string }, [number, string, string, number, number]>(
      `INSERT INTO dead (uid, queue, type, payload, options, attempt, reason, error, died_at)
       SELECT uid, queue, type, payload, options, attempt + ?, ?, ?, ? FROM job WHERE id = ? RETURNING id, queue`,
    )
    .get(attempts, reason, error, nowMs, id);
  db.query("DELETE FROM job WHERE id = ?").run(id);
  if (dead && dead.id % DEAD_TRIM_EVERY === 0) dropOldDead(db, dead.queue);
}

function dropOldDead(db: Database, queue: string): void {
  db.query(
    "DELETE FROM dead WHERE queue = ?1 AND id <= (SELECT id FROM dead WHERE queue = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
  ).run(queue, DEAD_JOBS_MAX);
}

function toClaim(queue: string, rows: readonly JobRow[]): Claim {
  const claim: Claim = { jobs: [], broken: [] };
  for (const row of rows) {
    const fence = `${row.id}:${row.token}`;
    try {
      claim.jobs.push({
        ...readOptions(JSON.parse(row.options)),
        id: row.uid,
        queue,
        type: row.type,
        payload: row.payload,
        runAtMs: row.run_at,
        attempt: row.attempt + 1,
        fence,
      });
    } catch (error) {
      claim.broken.push({
        queue,
        fence,
        text: row.options,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
  return claim;
}
