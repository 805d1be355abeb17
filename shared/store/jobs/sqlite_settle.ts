/** What becomes of a claimed job in the tables. */
import { type JobExtras, writeHistory } from "./entry.ts";
import type { AttemptFailure, Settlement } from "./job.ts";
import type { SqliteChange } from "./sqlite_change.ts";
import { bury } from "./sqlite_dead.ts";
import { leave, unspend } from "./sqlite_gates.ts";
import { ALONE } from "./sqlite_lane.ts";
import { endJob, extendLock, extrasOf, HELD, type HeldRow, lock, tellRecord } from "./sqlite_records.ts";

/** Whether the lease was still held and the outcome is applied. */
export function settleJob(change: SqliteChange, owner: string, { fence, outcome }: Settlement): boolean {
  const { db, nowMs } = change;
  const [id = 0, token = 0] = fence.split(":").map(Number);
  const held =
    outcome.kind === "ack"
      ? db
          .query<HeldRow, [number, string, number]>(
            `DELETE FROM job WHERE id = ? AND owner = ? AND token = ? RETURNING ${HELD}`,
          )
          .get(id, owner, token)
      : db
          .query<HeldRow, [number, string, number]>(
            `SELECT ${HELD} FROM job WHERE id = ? AND owner = ? AND token = ?`,
          )
          .get(id, owner, token);
  if (!held) return false;
  const extras = extrasOf(held);
  switch (outcome.kind) {
    case "ack":
      endJob(change, held, extras, {
        state: "done",
        ...(outcome.result === undefined ? {} : { result: outcome.result }),
      });
      break;
    case "cancelled":
      db.query("DELETE FROM job WHERE id = ?").run(id);
      endJob(change, held, extras, { state: "cancelled" });
      break;
    case "release":
      db.query("UPDATE job SET owner = NULL, gate = NULL WHERE id = ?").run(id);
      tellRecord(change, held, extras, { state: "waiting", attempt: held.attempt });
      change.freed.add(held.queue);
      break;
    case "retry": {
      const { delayMs, error } = outcome;
      db.query(
        `UPDATE job SET owner = NULL, gate = NULL, attempt = attempt + 1, lane = lane % ${ALONE}, losses = 0, run_at = ?,
           history = coalesce(?, history) WHERE id = ?`,
      ).run(nowMs + delayMs, historyOf(outcome), id);
      tellRecord(change, held, extras, { state: delayMs > 0 ? "delayed" : "waiting", error });
      if (extras.unique) extendLock(change, held, extras.unique, delayMs);
      change.freed.add(held.queue);
      break;
    }
    case "defer": {
      const { delayMs, error, begun } = outcome;
      db.query("UPDATE job SET owner = NULL, gate = NULL, run_at = ?, history = ? WHERE id = ?").run(
        nowMs + delayMs,
        writeHistory(outcome.history),
        id,
      );
      if (begun) db.query("UPDATE job SET lane = lane % ?, losses = 0 WHERE id = ?").run(ALONE, id);
      const state = delayMs > 0 ? "delayed" : "waiting";
      tellRecord(change, held, extras, { state, attempt: held.attempt, error });
      if (!begun) unbegin(change, held, extras);
      if (extras.unique) extendLock(change, held, extras.unique, delayMs);
      change.freed.add(held.queue);
      break;
    }
    case "dead":
      db.query("UPDATE job SET history = coalesce(?, history) WHERE id = ?").run(historyOf(outcome), id);
      bury(change, held, outcome.reason, outcome.error, 1);
      break;
  }
  leave(change, held.queue, held.gate);
  return true;
}

/** As if it had never been claimed: no rate has counted it, and a lock that ends with its begin is its own again. */
function unbegin(change: SqliteChange, { uid, queue }: HeldRow, { limit, unique }: JobExtras): void {
  unspend(change, queue, limit);
  if (unique?.until === "start") lock(change, { uid, queue }, unique);
}

/** Null: as it was. */
function historyOf({ history }: { history?: readonly AttemptFailure[] }): string | null {
  return history ? writeHistory(history) : null;
}
