/** From what a caller says about a job to what the store keeps. */
import { parseDuration } from "../../config/duration.ts";
import type { Backoff, NewJob } from "./job.ts";
import { ulid } from "./ulid.ts";

const PAYLOAD_BYTES_MAX = 1024 ** 2;
const TYPE_CHARS_MAX = 200;
const ATTEMPTS_MAX = 1000;
const DEFAULT_BACKOFF_DELAY_MS = 1000;
const BACKOFF_KINDS = ["curve", "fixed", "exponential"] as const;
const OPTIONS = ["queue", "delay", "at", "attempts", "backoff", "timeout"] as const;

/** "30s", or a number of milliseconds. */
export type DurationOption = string | number;
export type BackoffOption = Backoff["kind"] | Backoff | { kind: Backoff["kind"]; delay?: DurationOption };

export interface EnqueueOptions {
  /** Default: "default". */
  queue?: string;
  /** Not before this time has passed. */
  delay?: DurationOption;
  /** Not before this moment: a Date, an ISO 8601 text or milliseconds since 1970. Instead of `delay`. */
  at?: Date | string | number;
  /** Tries in all before the job is dead. Default: what defineJobs says, else 25. */
  attempts?: number;
  /** How long to wait between tries. Default: what defineJobs says, else "curve", n⁴ + 15 s and some jitter. */
  backoff?: BackoffOption;
  /** The handler's time for one attempt; "0": no limit. Default: what defineJobs says, else no limit. */
  timeout?: DurationOption;
}

/** The job as the store keeps it; what is left out is the handler's to say. Throws a TypeError whose sentence names the option that is wrong. */
export function newJob(
  type: string,
  payload: unknown,
  options: EnqueueOptions = {},
  nowMs = Date.now(),
): NewJob {
  if (typeof type !== "string" || type === "" || type.length > TYPE_CHARS_MAX) {
    throw new TypeError(`a job's type must be a text of 1 to ${TYPE_CHARS_MAX} characters`);
  }
  if (typeof options !== "object" || options === null) throw wrong(type, "options", options, "an object");
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name as (typeof OPTIONS)[number])) {
      throw new TypeError(`job "${type}": there is no option "${name}": use ${OPTIONS.join(", ")}`);
    }
  }
  return {
    id: ulid(),
    queue: readQueue(type, options.queue),
    type,
    payload: encodePayload(type, payload),
    attempts: readAttempts(type, options.attempts),
    backoff: readBackoff(type, options.backoff),
    timeoutMs: readTimeout(type, options.timeout),
    runAtMs: readRunAt(type, options, nowMs),
    enqueuedAtMs: nowMs,
    trace: "",
  };
}

function readQueue(type: string, queue: unknown = "default"): string {
  if (typeof queue === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(queue)) return queue;
  throw wrong(type, "queue", queue, "1 to 64 letters, digits, - or _");
}

function readAttempts(type: string, attempts: unknown): number | null {
  if (attempts === undefined) return null;
  if (Number.isInteger(attempts) && Number(attempts) >= 1 && Number(attempts) <= ATTEMPTS_MAX)
    return Number(attempts);
  throw wrong(type, "attempts", attempts, `a whole number from 1 to ${ATTEMPTS_MAX}`);
}

function readTimeout(type: string, timeout: unknown): number | null {
  return timeout === undefined ? null : readDuration(type, "timeout", timeout);
}

/** Undefined is null: the worker decides. Throws a TypeError. */
export function readBackoff(type: string, option: unknown): Backoff | null {
  if (option === undefined) return null;
  const given = (typeof option === "object" && option !== null ? option : { kind: option }) as Record<
    string,
    unknown
  >;
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
    return delayMs === 0 ? 0 : nowMs + delayMs;
  }
  if (at === undefined) return 0;
  const atMs = new Date(at).getTime();
  if (Number.isNaN(atMs)) throw wrong(type, "at", at, "a Date, an ISO 8601 text or milliseconds since 1970");
  return atMs <= nowMs ? 0 : atMs;
}

function readDuration(type: string, name: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return Math.round(value);
  const expected = 'a duration like "30s", or milliseconds';
  if (typeof value !== "string") throw wrong(type, name, value, expected);
  try {
    return Math.round(parseDuration(value));
  } catch (error) {
    if (error instanceof RangeError) throw wrong(type, name, value, expected);
    throw error;
  }
}

function encodePayload(type: string, payload: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(payload === undefined ? null : payload);
  } catch (error) {
    throw new TypeError(`job "${type}": the payload can't be written as JSON`, { cause: error });
  }
  if (text === undefined) throw wrong(type, "payload", payload, "something JSON can carry");
  if (Buffer.byteLength(text) > PAYLOAD_BYTES_MAX) {
    throw new TypeError(
      `job "${type}": the payload is over 1 MiB: store it elsewhere and enqueue where it is`,
    );
  }
  return text;
}

function wrong(type: string, name: string, value: unknown, expected: string): TypeError {
  return new TypeError(`job "${type}": ${name} is ${Bun.inspect(value)}: it must be ${expected}`);
}
