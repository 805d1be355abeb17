/** A job as a row of the outbox. */
import type { NewJob } from "../store/jobs/job.ts";
import { LANES } from "../store/jobs/lane.ts";

const VERSION = 1;
/** A relay that dies between store and commit relays again within that: the record is how the store can tell. */
const RECORD_MS = 3_600_000;

export function writeOutboxEntry(job: NewJob): string {
  return JSON.stringify({ version: VERSION, job });
}

/** Throws an Error that says what is wrong when the text was not written by writeOutboxEntry. */
export function readOutboxEntry(text: string): NewJob {
  const { version, job } = JSON.parse(text) as { version?: unknown; job?: NewJob };
  if (version !== VERSION) throw new Error(`its version is ${String(version)}: a newer Trivet wrote it`);
  const known =
    typeof job === "object" &&
    [job.id, job.queue, job.type, job.payload].every((field) => typeof field === "string") &&
    LANES.includes(job.lane);
  if (!known) throw new Error("it is no job");
  return { ...job, record: job.record ?? { ttlMs: RECORD_MS, result: false } };
}
