/**
 * A job in a Redis Stream: the fields a (attempts made), s (stalls), m (what is known of it, a JSON list) and p (its
 * payload). Always these four in this order: entries with the same fields share their names in memory.
 */
import { readOptions, writeOptions } from "./entry.ts";
import type { BrokenEntry, Claim, ClaimedJob, DeadJob, DeadReason, NewJob } from "./job.ts";
import { keysOf } from "./redis_keys.ts";

/** id and fields of a stream entry; null: it was deleted while pending. */
export type StreamEntry = [id: string, fields: string[] | null];

const ATTEMPT = 1;
const META = 5;
const PAYLOAD = 7;

/** Keys and arguments of the script "enqueue". */
export function writeEntries(jobs: readonly NewJob[]): { keys: string[]; args: (string | number)[] } {
  const nowMs = Date.now();
  const numbers = new Map<string, number>();
  const args: (string | number)[] = [];
  for (const job of jobs) {
    let number = numbers.get(job.queue);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(job.queue, number);
    }
    // Relative: the moment is counted on Redis's clock.
    args.push(number, job.runAtMs > nowMs ? job.runAtMs - nowMs : 0, metaOf(job), job.payload);
  }
  const keys = [...numbers.keys()].flatMap((queue) => {
    const { stream, delayed } = keysOf(queue);
    return [stream, delayed];
  });
  return { keys, args };
}

/** Field m. Its first member is the job's id: scripts look for it there. */
function metaOf(job: NewJob): string {
  return JSON.stringify([job.id, job.type, ...writeOptions(job)]);
}

export function readEntries(queue: string, entries: readonly StreamEntry[]): Claim {
  const claim: Claim = { jobs: [], broken: [] };
  for (const [fence, fields] of entries) {
    if (!fields) continue;
    try {
      claim.jobs.push(readJob(queue, fence, fields));
    } catch (error) {
      claim.broken.push(broken(queue, fence, fields, error));
    }
  }
  return claim;
}

/** XREADGROUP answers null, [[key, entries]] in RESP2, [key, entries] or an object in RESP3. */
export function entriesOf(reply: unknown): StreamEntry[] {
  if (reply === null || reply === undefined) return [];
  if (Array.isArray(reply)) {
    const first: unknown = reply[0];
    return (Array.isArray(first) ? first[1] : reply[1]) as StreamEntry[];
  }
  return Object.values(reply as Record<string, StreamEntry[]>)[0] ?? [];
}

/** An entry of the dead stream: a, m, p, r (reason), e (error). */
export function readDead(queue: string, [id, fields]: StreamEntry): DeadJob {
  const field = (name: string) => fields?.[fields.indexOf(name) + 1] ?? "";
  const [jobId, type] = idAndType(field("m"));
  return {
    queue,
    id: jobId,
    type,
    payload: field("p"),
    reason: field("r") as DeadReason,
    error: field("e"),
    attempt: Number(field("a")),
    diedAtMs: Number.parseInt(id, 10),
  };
}

function readJob(queue: string, fence: string, fields: string[]): ClaimedJob {
  const attempt = Number(fields[ATTEMPT]);
  const payload = fields[PAYLOAD];
  const meta = fields[META];
  if (fields[0] !== "a" || meta === undefined || payload === undefined || !Number.isInteger(attempt)) {
    throw new Error("it has not the fields of a job");
  }
  const row: unknown = JSON.parse(meta);
  if (!Array.isArray(row) || typeof row[0] !== "string" || typeof row[1] !== "string") {
    throw new Error("it has no id and type");
  }
  const runAtMs = Number.parseInt(fence, 10);
  return {
    ...readOptions(row.slice(2)),
    id: row[0],
    queue,
    type: row[1],
    payload,
    runAtMs,
    attempt: attempt + 1,
    fence,
  };
}

function broken(queue: string, fence: string, fields: string[], error: unknown): BrokenEntry {
  return {
    queue,
    fence,
    text: JSON.stringify(fields),
    error: error instanceof Error ? error.message : String(error),
  };
}

function idAndType(meta: string): [string, string] {
  try {
    const [id, type] = JSON.parse(meta) as unknown[];
    return [String(id), String(type)];
  } catch {
    // A broken entry is listed without them.
    return ["", ""];
  }
}
