/**
 * A job in a Redis Stream: the fields a (attempts made), s (stalls), m (what is known of it, a JSON list) and p (its
 * payload). Always these four in this order: entries with the same fields share their names in memory. Those with
 * extras or a history have x and h behind them.
 */
import { NewerEntry, readExtras, readHistory, readOptions, writeExtras, writeOptions } from "./entry.ts";
import type { BrokenEntry, Claim, ClaimedJob, DeadFilter, DeadJob, DeadReason, NewJob } from "./job.ts";
import { ALONE_LANE, LANE_NUMBERS, laneNumbered } from "./lane.ts";
import type { JobRecord, JobState } from "./record.ts";
import { streamName } from "./redis_keys.ts";

/** id and fields of a stream entry; null: it was deleted while pending. */
export type StreamEntry = [id: string, fields: string[] | null];

const ATTEMPT = 1;
const META = 5;
const PAYLOAD = 7;
const EXTRAS = 9;
const HISTORY = 11;
/** In the stream of jobs that run alone: the lane they come from. */
const HOME_LANE = 13;

/** The script that stores these jobs, and what it is told of them. Delays are relative: Redis counts on its own clock. */
export function enqueueArguments(
  jobs: readonly NewJob[],
  nowMs: number,
): { script: "add" | "enqueue"; args: (string | number)[] } {
  const args: (string | number)[] = [];
  if (jobs.every((job) => isPlain(job, nowMs))) {
    for (const job of jobs) args.push(streamName(job.lane), metaOf(job), job.payload);
    return { script: "add", args };
  }
  for (const job of jobs) {
    const delayMs = Math.max(0, job.runAtMs - nowMs);
    args.push(LANE_NUMBERS[job.lane], delayMs, metaOf(job), job.payload, writeExtras(job));
  }
  return { script: "enqueue", args };
}

/** Whether it goes into its stream now, and that is all. */
function isPlain({ runAtMs, unique, record, limit }: NewJob, nowMs: number): boolean {
  return runAtMs <= nowMs && !unique && !record && !limit;
}

/** Field m. Its first members are the job's id and type: scripts look for them there. */
function metaOf(job: NewJob): string {
  return JSON.stringify([job.id, job.type, ...writeOptions(job)]);
}

/** The entries of one lane. `marked`: each end concerns a limit of the whole queue. */
export function readEntries(
  queue: string,
  lane: number,
  entries: readonly StreamEntry[],
  marked: boolean,
): Claim {
  const claim: Claim = { jobs: [], broken: [] };
  for (const [id, fields] of entries) {
    if (!fields) continue;
    const fence = `${lane}${marked || fields.length > EXTRAS ? "*" : "-"}${id}`;
    try {
      claim.jobs.push(readJob(queue, lane, fence, fields));
    } catch (error) {
      claim.broken.push(broken(queue, fence, fields, error));
    }
  }
  return claim;
}

/** Whether a lease must be admitted before its job runs, and its end is more than a deletion. */
export function isMarked(fence: string): boolean {
  return fence[1] === "*";
}

/** The entry's id in its stream. */
export function fenceId(fence: string): string {
  return fence.slice(2);
}

/** XREADGROUP answers null, a list of [key, entries], the same flat, or an object: by key. */
export function entriesByStream(reply: unknown): Map<string, StreamEntry[]> {
  if (reply === null || reply === undefined) return new Map();
  if (!Array.isArray(reply)) return new Map(Object.entries(reply as Record<string, StreamEntry[]>));
  if (Array.isArray(reply[0])) return new Map(reply as [string, StreamEntry[]][]);
  const pairs = reply.flatMap((key: unknown, i): [string, StreamEntry[]][] =>
    i % 2 === 0 ? [[String(key), reply[i + 1] as StreamEntry[]]] : [],
  );
  return new Map(pairs);
}

/** A job of a sorted set, as the scripts pack it: seven lines, the payload last. Undefined when it is foreign. */
export function readPacked(queue: string, member: string): ClaimedJob | undefined {
  const [lane = "", attempts = "", stalls = "", meta = "", extras = "", history = "", ...payload] =
    member.split("\n");
  const fields = ["a", attempts, "s", stalls, "m", meta, "p", payload.join("\n"), "x", extras, "h", history];
  return readEntries(queue, Number(lane), [["0-0", fields]], false).jobs[0];
}

/** An entry of the dead stream: a, m, p, r (reason), e (error), h (history). */
export function readDead(queue: string, [id, fields]: StreamEntry): DeadJob {
  const field = (name: string) => {
    const at = fields?.findIndex((text, i) => i % 2 === 0 && text === name) ?? -1;
    return at < 0 ? "" : (fields?.[at + 1] ?? "");
  };
  const [jobId, type] = idAndType(field("m"));
  return {
    queue,
    id: jobId,
    type,
    payload: field("p"),
    reason: field("r") as DeadReason,
    error: field("e"),
    attempt: Number(field("a")),
    history: readHistory(field("h")),
    diedAtMs: Number.parseInt(id, 10),
  };
}

export function matches({ id, type, reason }: DeadJob, filter: DeadFilter): boolean {
  return (
    (filter.ids === undefined || filter.ids.includes(id)) &&
    (filter.type === undefined || filter.type === type) &&
    (filter.reason === undefined || filter.reason === reason)
  );
}

/** The fields of a record's hash; undefined when it has none. */
export function readRecord(queue: string, fields: Readonly<Record<string, string>>): JobRecord | undefined {
  const { m, s, l } = fields;
  if (m === undefined || s === undefined) return undefined;
  const [id, type, ...options] = JSON.parse(m) as unknown[];
  return {
    id: String(id),
    queue,
    lane: laneNumbered(Number(l)),
    type: String(type),
    state: s as JobState,
    attempt: Number(fields["a"] ?? 0),
    enqueuedAtMs: readOptions(options).enqueuedAtMs,
    endedAtMs: Number(fields["t"] ?? 0),
    progress: fields["p"] ?? null,
    result: fields["v"] ?? null,
    reason: (fields["r"] as DeadReason | undefined) ?? null,
    error: fields["e"] ?? null,
  };
}

function readJob(queue: string, lane: number, fence: string, fields: string[]): ClaimedJob {
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
  return {
    ...readOptions(row.slice(2)),
    ...readExtras(fields[EXTRAS] ?? ""),
    id: row[0],
    queue,
    lane: laneNumbered(lane === ALONE_LANE ? Number(fields[HOME_LANE]) : lane),
    type: row[1],
    payload,
    runAtMs: Number.parseInt(fence.slice(2), 10),
    durable: false,
    attempt: attempt + 1,
    history: readHistory(fields[HISTORY] ?? ""),
    fence,
  };
}

function broken(queue: string, fence: string, fields: string[], error: unknown): BrokenEntry {
  return {
    queue,
    fence,
    text: JSON.stringify(fields),
    error: error instanceof Error ? error.message : String(error),
    isNewer: error instanceof NewerEntry,
    history: error instanceof NewerEntry ? readHistory(fields[HISTORY] ?? "") : [],
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
