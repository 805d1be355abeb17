/** Jobs on their way into a worker's hands. */
import type { Database } from "bun:sqlite";
import { NewerEntry, readExtras, readHistory, readOptions } from "./entry.ts";
import type { Claim } from "./job.ts";
import { isLimited, type QueueRules } from "./queue_rules.ts";
import type { SqliteChange } from "./sqlite_change.ts";
import { admit, rulesOf } from "./sqlite_gates.ts";
import { homeLane } from "./sqlite_lane.ts";
import { touchOwners } from "./sqlite_leases.ts";
import { extrasOf, tellRecord, unlock } from "./sqlite_records.ts";

interface JobRow {
  id: number;
  uid: string;
  lane: number;
  token: number;
  run_at: number;
  attempt: number;
  type: string;
  payload: string;
  options: string;
  extras: string;
  history: string;
}

const CLAIMED = "id, uid, lane, token, run_at, attempt, type, payload, options, extras, history";

/** Lanes in their order, up to `max` in all; none when the queue is paused. */
export function claimJobs(
  change: SqliteChange,
  queue: string,
  owner: string,
  max: number,
  lanes: readonly number[],
): Claim {
  const { db, nowMs } = change;
  const rules = rulesOf(db, queue);
  const claim: Claim = { jobs: [], broken: [] };
  if (rules.paused) return claim;
  // The sign before each "?": where the bare value could have told SQLite whether a partial index applies, it compiles
  // the statement anew at every call (sqlite.org/c3ref/prepare.html), which costs far more than the search.
  const take = db.query<JobRow, [string, string, number, number, number]>(
    `UPDATE job SET owner = ?, token = token + 1 WHERE id IN
       (SELECT id FROM job WHERE owner IS NULL AND parked IS NULL AND queue = +? AND lane = +? AND run_at <= +?
        ORDER BY run_at, id LIMIT +?)
     RETURNING ${CLAIMED}`,
  );
  for (const lane of lanes) {
    for (;;) {
      const left = max - claim.jobs.length - claim.broken.length;
      if (left <= 0) break;
      const rows = take.all(owner, queue, lane, nowMs, left);
      if (rows.length === 0) break;
      // RETURNING promises no order (sqlite.org/lang_returning.html).
      rows.sort((a, b) => a.run_at - b.run_at || a.id - b.id);
      const found = toClaim(
        queue,
        rows.filter((row) => (row.extras === "" && !isLimited(rules)) || begin(change, queue, row, rules)),
      );
      claim.jobs.push(...found.jobs);
      claim.broken.push(...found.broken);
      if (rows.length < left) break;
    }
  }
  if (claim.jobs.length + claim.broken.length > 0) touchOwners(db, [owner], nowMs);
  return claim;
}

/** What `owner` holds of a queue, for a worker that lost the answer to a claim. */
export function ownedJobs(db: Database, queue: string, owner: string): Claim {
  const query = db.query<JobRow, [string, string]>(
    `SELECT ${CLAIMED} FROM job WHERE owner = ? AND queue = ? ORDER BY id`,
  );
  return toClaim(queue, query.all(owner, queue));
}

/** Whether no limit holds it back. */
function begin(change: SqliteChange, queue: string, row: JobRow, rules: QueueRules): boolean {
  const extras = extrasOf(row);
  if (!admit(change, { id: row.id, queue }, extras, rules)) return false;
  const ref = { uid: row.uid, queue };
  if (extras.unique?.until === "start") unlock(change, ref, extras.unique);
  tellRecord(change, ref, extras, { state: "running", attempt: row.attempt + 1 });
  return true;
}

function toClaim(queue: string, rows: readonly JobRow[]): Claim {
  const claim: Claim = { jobs: [], broken: [] };
  for (const row of rows) {
    const fence = `${row.id}:${row.token}`;
    try {
      claim.jobs.push({
        ...readOptions(JSON.parse(row.options)),
        ...readExtras(row.extras),
        id: row.uid,
        queue,
        lane: homeLane(row.lane),
        type: row.type,
        payload: row.payload,
        runAtMs: row.run_at,
        durable: false,
        attempt: row.attempt + 1,
        history: readHistory(row.history),
        fence,
      });
    } catch (error) {
      claim.broken.push({
        queue,
        fence,
        text: row.options,
        error: error instanceof Error ? error.message : String(error),
        isNewer: error instanceof NewerEntry,
        history: error instanceof NewerEntry ? readHistory(row.history) : [],
      });
    }
  }
  return claim;
}
