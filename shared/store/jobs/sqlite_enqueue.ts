/** Jobs on their way into the tables. */
import type { EnqueueToken } from "./enqueue_token.ts";
import { writeExtras, writeOptions } from "./entry.ts";
import type { NewJob } from "./job.ts";
import { LANE_NUMBERS } from "./lane.ts";
import type { SqliteChange } from "./sqlite_change.ts";
import { addRecord, hasRecord, lock } from "./sqlite_records.ts";

/** No client has it. */
const PROBE_SLOT = -1;

/** The id of each: another one's where a unique job waits already. A token that was heard adds nothing again. */
export function insertJobs(
  change: SqliteChange,
  jobs: readonly NewJob[],
  token: EnqueueToken | undefined,
): string[] {
  const again = token !== undefined && wasHeard(change, token);
  const insert = change.db.query(
    `INSERT INTO job (uid, queue, lane, run_at, type, payload, options, extras) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
  );
  return jobs.map((job) => {
    const ref = { uid: job.id, queue: job.queue };
    if (job.record && !again && hasRecord(change, ref)) return job.id;
    const delayMs = Math.max(0, job.runAtMs - change.nowMs);
    const other = job.unique && lock(change, ref, { ...job.unique, ttlMs: job.unique.ttlMs + delayMs });
    if (other || again) return other || job.id;
    const runAtMs = job.runAtMs || change.nowMs;
    const options = JSON.stringify(writeOptions(job));
    const lane = LANE_NUMBERS[job.lane];
    insert.run(job.id, job.queue, lane, runAtMs, job.type, job.payload, options, writeExtras(job));
    if (job.record) addRecord(change, job);
    change.freed.add(job.queue);
    return job.id;
  });
}

function wasHeard({ db, nowMs }: SqliteChange, { client, slot, number }: EnqueueToken): boolean {
  const heard = db
    .query<{ number: number }, [string, number]>("SELECT number FROM heard WHERE client = ? AND slot = ?")
    .get(client, slot);
  if (heard?.number === number) return true;
  db.query("INSERT OR REPLACE INTO heard (client, slot, number, at) VALUES (?, ?, ?, ?)").run(
    client,
    slot,
    number,
    nowMs,
  );
  return false;
}

/** Writes so many bytes that mean nothing, in the place of those it wrote last. */
export function hearProbe({ db, nowMs }: SqliteChange, bytes: number): void {
  db.query("DELETE FROM heard WHERE slot = ?").run(PROBE_SLOT);
  const hear = db.query("INSERT INTO heard (client, slot, number, at) VALUES (?, ?, 0, ?)");
  if (bytes > 0) hear.run("x".repeat(bytes), PROBE_SLOT, nowMs);
}
