/** Leases in the tables: renewed by owner, freed when an owner is dead or silent. */
import type { Database } from "bun:sqlite";
import { STALLS_MAX } from "./job.ts";
import type { SqliteChange } from "./sqlite_change.ts";
import { bury } from "./sqlite_dead.ts";
import { leave } from "./sqlite_gates.ts";
import { extrasOf, HELD, type HeldRow, tellRecord } from "./sqlite_records.ts";

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

/** Frees what a dead owner held of these queues; each job has stalled once more. How many there were. */
export function freeOwner(change: SqliteChange, queues: readonly string[], owner: string): number {
  const { db } = change;
  change.gone.add(owner);
  const held = db
    .query<HeldRow, [string, string]>(
      `SELECT ${HELD} FROM job WHERE owner = ? AND queue IN (SELECT value FROM json_each(?))`,
    )
    .all(owner, JSON.stringify(queues));
  const free = db.query("UPDATE job SET owner = NULL, gate = NULL, stalls = stalls + 1 WHERE id = ?");
  for (const job of held) {
    if (job.stalls + 1 >= STALLS_MAX) bury(change, job, "stalled", `its worker died ${STALLS_MAX} times`, 0);
    else {
      free.run(job.id);
      tellRecord(change, job, extrasOf(job), { state: "waiting", attempt: job.attempt });
      change.freed.add(job.queue);
    }
    leave(change, job.queue, job.gate);
  }
  db.query("DELETE FROM owner WHERE name = ?1 AND NOT EXISTS (SELECT 1 FROM job WHERE owner = ?1)").run(
    owner,
  );
  return held.length;
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

/** Two clocks are compared, one of them in whole milliseconds: how far a step was is known no better. */
const CLOCKS_APART_MS = 100;

/**
 * The clock was set. Leases are about time that passed: all of them begin anew. What was due before it was set back
 * stays due; what waits for its moment waits for it on the new clock.
 */
export function clockSet({ db, nowMs, freed }: SqliteChange, stepMs: number): void {
  db.query("UPDATE owner SET heard_at = ?").run(nowMs);
  if (stepMs > 0) return;
  db.query("UPDATE gate SET look_at = min(look_at, ?1)").run(nowMs);
  const due = db
    .query<{ queue: string }, [number, number]>(
      "UPDATE job SET run_at = ?1 WHERE owner IS NULL AND run_at > ?1 AND run_at <= ?2 RETURNING queue",
    )
    .all(nowMs, Math.ceil(nowMs - stepMs) + CLOCKS_APART_MS);
  for (const { queue } of due) freed.add(queue);
}
