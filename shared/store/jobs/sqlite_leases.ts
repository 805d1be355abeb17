/** Leases in the tables: renewed by owner, freed when an owner is dead or silent. */
import type { Database } from "bun:sqlite";
import { type Lease, LOSSES_MAX, NOT_HEARD, STALLS_MAX, stalledSentence, type WorkerEnd } from "./job.ts";
import type { SqliteChange } from "./sqlite_change.ts";
import { bury } from "./sqlite_dead.ts";
import { leave } from "./sqlite_gates.ts";
import { ALONE, isAlone } from "./sqlite_lane.ts";
import { extrasOf, HELD, type HeldRow, tellRecord } from "./sqlite_records.ts";

/** A job's lane, deaths of a process in which it was alone, unexplained losses, and how it came to the last one. */
interface Suspicion {
  lane: number;
  stalls: number;
  losses: number;
  how: string;
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

/** How many jobs of these queues the owner has. */
export function heldBy(db: Database, queues: readonly string[], owner: string): number {
  const count = db.query<{ n: number }, [string, string]>(
    "SELECT count(*) AS n FROM job WHERE owner = ? AND queue IN (SELECT value FROM json_each(?))",
  );
  return count.get(owner, JSON.stringify(queues))?.n ?? 0;
}

/** Whether the owner has this one still. */
export function holdsLease(db: Database, owner: string, { fence }: Lease): boolean {
  const [id = 0, token = 0] = fence.split(":").map(Number);
  return (
    db.query("SELECT 1 FROM job WHERE id = ? AND owner = ? AND token = ?").get(id, owner, token) !== null
  );
}

/** "lost": nobody said how it ended. */
type OwnerEnd = WorkerEnd | { kind: "lost" };

/** Frees what an owner that is gone held of these queues. How many there were. */
export function freeOwner(
  change: SqliteChange,
  queues: readonly string[],
  owner: string,
  end: OwnerEnd,
): number {
  const { db, nowMs } = change;
  change.gone.add(owner);
  const held = db
    .query<HeldRow, [string, string]>(
      `SELECT ${HELD} FROM job WHERE owner = ? AND queue IN (SELECT value FROM json_each(?))`,
    )
    .all(owner, JSON.stringify(queues));
  const free = db.query(
    "UPDATE job SET owner = NULL, gate = NULL, lane = ?, stalls = ?, losses = ?, run_at = ? WHERE id = ?",
  );
  for (const job of held) {
    const { lane, stalls, losses, how } = afterEnd(job, end, held.length);
    if (stalls >= STALLS_MAX) bury(change, job, "stalled", stalledSentence(how), 0);
    else {
      // Behind the others that run alone: what kills its process again and again must not hold them up.
      free.run(lane, stalls, losses, stalls > job.stalls ? nowMs : job.run_at, job.id);
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

/** What is held against a job when its owner ends. */
function afterEnd(job: HeldRow, end: OwnerEnd, held: number): Suspicion {
  const { lane, stalls, losses } = job;
  const alone = isAlone(lane) ? lane : lane + ALONE;
  switch (end.kind) {
    case "stopped":
      return { lane, stalls, losses, how: "" };
    case "died":
      return { lane: alone, stalls: end.alone && held === 1 ? stalls + 1 : stalls, losses, how: end.how };
    case "lost": {
      if (isAlone(lane)) return { lane, stalls: stalls + 1, losses, how: NOT_HEARD };
      const lost = losses + 1;
      return { lane: lost >= LOSSES_MAX ? alone : lane, stalls, losses: lost, how: NOT_HEARD };
    }
  }
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
