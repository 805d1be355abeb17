/** Enqueue's options that are more work for the store: a lock, a record, a limit. */
import type { Limit, RecordWish, Unique } from "./job.ts";
import {
  type DurationOption,
  type RateOption,
  readBoolean,
  readCount,
  readDuration,
  readFields,
  readKey,
  wrong,
} from "./job_option.ts";

const DAY_MS = 24 * 3_600_000;
const TIME_MAX_MS = 30 * DAY_MS;

export type UniqueOption =
  | boolean
  | {
      /** Default: made from the payload. Of the job's type and queue. */
      key?: string;
      /** How long the lock may hold when nothing is heard of the job. Default: "1d". */
      ttl?: DurationOption;
      /** Whether the lock ends with the job or when its first attempt begins. Default: "done". */
      until?: "done" | "start";
    };

export type KeepOption =
  | boolean
  | DurationOption
  | {
      /** How long after its end. Default: "1d"; at most 30 days. */
      ttl?: DurationOption;
    };

export interface LimitOption {
  key: string;
  /** Jobs of the key that run at a time, over all workers. */
  concurrency?: number;
  /** How many of them may begin in a time. */
  rate?: RateOption;
}

export function readUnique(type: string, option: unknown, payload: string): Unique | null {
  if (option === undefined || option === false) return null;
  const { key, ttl, until } = readFields(type, "unique", option === true ? {} : option, [
    "key",
    "ttl",
    "until",
  ]);
  if (until !== undefined && until !== "done" && until !== "start")
    throw wrong(type, "unique.until", until, '"done" or "start"');
  const own = key === undefined ? digestOf(payload) : readKey(type, "unique.key", key);
  return { key: `${type}:${own}`, ttlMs: readTtl(type, "unique.ttl", ttl), until: until ?? "done" };
}

/** An own id needs a record: it is how a repeat is told. */
export function readRecordWish(
  type: string,
  { id, track, keep }: { id?: unknown; track?: unknown; keep?: unknown },
): RecordWish | null {
  const tracked = track !== undefined && readBoolean(type, "track", track);
  if (keep !== undefined && keep !== false) {
    const plain = typeof keep === "string" || typeof keep === "number";
    const { ttl } = plain ? { ttl: keep } : readFields(type, "keep", keep === true ? {} : keep, ["ttl"]);
    return { ttlMs: readTtl(type, plain ? "keep" : "keep.ttl", ttl), result: true };
  }
  return tracked || id !== undefined ? { ttlMs: DAY_MS, result: false } : null;
}

export function readLimit(type: string, option: unknown): Limit | null {
  if (option === undefined) return null;
  const { key, concurrency, rate } = readFields(type, "limit", option, ["key", "concurrency", "rate"]);
  if (concurrency === undefined && rate === undefined)
    throw new TypeError(`job "${type}": limit needs concurrency or rate`);
  return {
    key: readKey(type, "limit.key", key),
    concurrency: concurrency === undefined ? 0 : readCount(type, "limit.concurrency", concurrency),
    rate: readRate(type, "limit.rate", rate),
  };
}

function readRate(type: string, name: string, option: unknown): Limit["rate"] {
  if (option === undefined) return null;
  const { jobs, per } = readFields(type, name, option, ["jobs", "per"]);
  return { jobs: readCount(type, `${name}.jobs`, jobs), perMs: readBounded(type, `${name}.per`, per) };
}

function readTtl(type: string, name: string, option: unknown = DAY_MS): number {
  return readBounded(type, name, option);
}

/** Stores count with it: what lies beyond is a mistake, and one that no store can add to its clock stops a queue. */
function readBounded(type: string, name: string, option: unknown): number {
  const ms = readDuration(type, name, option);
  if (ms >= 1 && ms <= TIME_MAX_MS) return ms;
  throw wrong(type, name, option, "longer than 0 and at most 30 days");
}

/** The same for payloads that say the same: the order of an object's keys says nothing. */
function digestOf(payload: string): string {
  const text = JSON.stringify(JSON.parse(payload), (_, value: unknown) => sorted(value));
  return new Bun.CryptoHasher("sha256").update(text).digest("base64url").slice(0, 22);
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
