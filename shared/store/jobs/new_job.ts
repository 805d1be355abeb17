/** From what a caller says about a job to what the store keeps. */

import { sentenceOf } from "../../user_error.ts";
import type { Backoff, NewJob } from "./job.ts";
import {
  type KeepOption,
  type LimitOption,
  readLimit,
  readRecordWish,
  readUnique,
  type UniqueOption,
} from "./job_extras.ts";
import {
  type DurationOption,
  readBoolean,
  readDuration,
  readFields,
  readMoment,
  wrong,
} from "./job_option.ts";
import { LANES, type Lane } from "./lane.ts";
import { ulid } from "./ulid.ts";

const PAYLOAD_BYTES_MAX = 1024 ** 2;
const TYPE_CHARS_MAX = 200;
const ATTEMPTS_MAX = 1000;
const DEFAULT_BACKOFF_DELAY_MS = 1000;
/** 100 years: what lies behind is a mistake, such as microseconds. */
const AHEAD_MAX_MS = 100 * 365.25 * 24 * 3_600_000;
/** No timer runs longer than 24.8 days. */
const TIMEOUT_MAX_MS = 24 * 24 * 3_600_000;
const BACKOFF_KINDS = ["curve", "fixed", "exponential"] as const;

export type BackoffOption = Backoff["kind"] | Backoff | { kind: Backoff["kind"]; delay?: DurationOption };

export interface EnqueueOptions {
  /** Default: "default". */
  queue?: string;
  /** Which of the queue's waiting jobs come first. Default: "normal". */
  lane?: Lane;
  /** Not before this time has passed. */
  delay?: DurationOption;
  /** Not before this moment: a Date, an ISO 8601 text or milliseconds since 1970. Instead of `delay`. */
  at?: Date | string | number;
  /** Not begun when this time has passed since the enqueue, or after this Date: then it is dead ("expired"). */
  expires?: DurationOption | Date;
  /** Tries in all before the job is dead. Default: what defineJobs says, else 25. */
  attempts?: number;
  /** How long to wait between tries. Default: what defineJobs says, else "curve", n⁴ + 15 s and some jitter. */
  backoff?: BackoffOption;
  /** The handler's time for one attempt; "0": no limit. Default: what defineJobs says, else no limit. */
  timeout?: DurationOption;
  /** An id of your own: enqueued again while its record is there, nothing is added. 1 to 200 of A-Z a-z 0-9 _ . : - */
  id?: string;
  /** While a job of the same type and key is there, nothing is added, and its id is given. */
  unique?: UniqueOption;
  /** Keeps a record of it, for jobs.get and jobs.wait, until a day after its end. */
  track?: boolean;
  /** The same with what the handler returns, until so long after its end. */
  keep?: KeepOption;
  /** Holds jobs of the same key and queue back, over all workers. */
  limit?: LimitOption;
  /** On Redis: resolves only when a replica has it too. */
  durable?: boolean;
}

const OPTIONS = [
  "queue",
  "lane",
  "delay",
  "at",
  "expires",
  "attempts",
  "backoff",
  "timeout",
  "id",
  "unique",
  "track",
  "keep",
  "limit",
  "durable",
] as const satisfies (keyof EnqueueOptions)[];

/** The job as the store keeps it; what is left out is the handler's to say. Throws a TypeError whose sentence names the option that is wrong. */
export function newJob(
  type: string,
  payload: unknown,
  options: EnqueueOptions = {},
  nowMs = Date.now(),
): NewJob {
  if (typeof type !== "string" || type === "" || type.length > TYPE_CHARS_MAX || !type.isWellFormed()) {
    throw new TypeError(`a job's type must be a text of 1 to ${TYPE_CHARS_MAX} characters`);
  }
  if (typeof options !== "object" || options === null) throw wrong(type, "options", options, "an object");
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name as (typeof OPTIONS)[number])) {
      throw new TypeError(`job "${type}": there is no option "${name}": use ${OPTIONS.join(", ")}`);
    }
  }
  const text = encodePayload(type, payload);
  const runAtMs = readRunAt(type, options, nowMs);
  const expiresAtMs = readExpires(type, options.expires, nowMs);
  if (expiresAtMs > 0 && runAtMs >= expiresAtMs) {
    const begin = options.at === undefined ? "delay" : "at";
    throw new TypeError(
      `job "${type}": it expires before it may begin: make expires later than ${begin}, or leave one of them out`,
    );
  }
  return {
    id: readId(type, options.id),
    queue: readQueue(type, options.queue),
    lane: readLane(type, options.lane),
    type,
    payload: text,
    attempts: readAttempts(type, options.attempts),
    backoff: readBackoff(type, options.backoff),
    timeoutMs: readTimeout(type, options.timeout),
    runAtMs,
    expiresAtMs,
    unique: readUnique(type, options.unique, text),
    record: readRecordWish(type, options),
    limit: readLimit(type, options.limit),
    durable: options.durable === undefined ? false : readBoolean(type, "durable", options.durable),
    enqueuedAtMs: nowMs,
    trace: "",
  };
}

function readId(type: string, id: unknown): string {
  if (id === undefined) return ulid();
  if (typeof id === "string" && /^[A-Za-z0-9_.:-]{1,200}$/.test(id)) return id;
  throw wrong(type, "id", id, "1 to 200 letters, digits, _ . : or -");
}

export function isQueue(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(name);
}

function readQueue(type: string, queue: unknown = "default"): string {
  if (typeof queue === "string" && isQueue(queue)) return queue;
  throw wrong(type, "queue", queue, "1 to 64 letters, digits, - or _");
}

function readLane(type: string, lane: unknown = "normal"): Lane {
  const known = LANES.find((name) => name === lane);
  if (known) return known;
  throw wrong(type, "lane", lane, `one of ${LANES.join(", ")}`);
}

function readAttempts(type: string, attempts: unknown): number | null {
  if (attempts === undefined) return null;
  if (Number.isInteger(attempts) && Number(attempts) >= 1 && Number(attempts) <= ATTEMPTS_MAX)
    return Number(attempts);
  throw wrong(type, "attempts", attempts, `a whole number from 1 to ${ATTEMPTS_MAX}`);
}

/** Undefined is null: the worker decides. Throws a TypeError. */
export function readTimeout(type: string, timeout: unknown): number | null {
  if (timeout === undefined) return null;
  const timeoutMs = readDuration(type, "timeout", timeout);
  if (timeoutMs <= TIMEOUT_MAX_MS) return timeoutMs;
  throw wrong(type, "timeout", timeout, 'at most 24 days, or "0" for no limit');
}

/** Undefined is null: the worker decides. Throws a TypeError. */
export function readBackoff(type: string, option: unknown): Backoff | null {
  if (option === undefined) return null;
  const given =
    typeof option === "object" && option !== null
      ? readFields(type, "backoff", option, ["kind", "delay", "delayMs"])
      : { kind: option };
  const kind = BACKOFF_KINDS.find((name) => name === given["kind"]);
  if (!kind)
    throw wrong(type, "backoff", option, `"curve", or { kind: "fixed" | "exponential", delay: "5s" }`);
  const delay = given["delay"] ?? given["delayMs"] ?? (kind === "curve" ? 0 : DEFAULT_BACKOFF_DELAY_MS);
  return { kind, delayMs: readDuration(type, "backoff.delay", delay) };
}

function readRunAt(type: string, { delay, at }: EnqueueOptions, nowMs: number): number {
  if (delay !== undefined && at !== undefined)
    throw new TypeError(`job "${type}": give delay or at, not both`);
  if (delay !== undefined) {
    const delayMs = readDuration(type, "delay", delay);
    if (delayMs > AHEAD_MAX_MS) throw wrong(type, "delay", delay, "at most 100 years");
    return delayMs === 0 ? 0 : nowMs + delayMs;
  }
  if (at === undefined) return 0;
  const expected = "a Date, an ISO 8601 text or milliseconds since 1970, in 100 years at most";
  const atMs = readMoment(type, "at", at, expected);
  if (atMs > nowMs + AHEAD_MAX_MS) throw wrong(type, "at", at, expected);
  return atMs <= nowMs ? 0 : atMs;
}

function readExpires(type: string, expires: unknown, nowMs: number): number {
  if (expires === undefined) return 0;
  if (!(expires instanceof Date)) return nowMs + Math.max(1, readDuration(type, "expires", expires));
  return readMoment(type, "expires", expires, "a duration or a valid Date");
}

/** As JSON; undefined is null. Throws a TypeError when it can't be, or is too long. */
export function encodePayload(type: string, payload: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(payload === undefined ? null : payload);
  } catch (error) {
    throw new TypeError(`job "${type}": the payload can't be written as JSON: ${sentenceOf(error)}`, {
      cause: error,
    });
  }
  if (text === undefined) throw wrong(type, "payload", payload, "something JSON can carry");
  if (Buffer.byteLength(text) > PAYLOAD_BYTES_MAX) {
    throw new TypeError(
      `job "${type}": the payload is over 1 MiB: store it elsewhere and enqueue where it is`,
    );
  }
  return text;
}
