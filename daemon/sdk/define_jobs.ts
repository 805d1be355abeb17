import type { TSchema } from "@sinclair/typebox";
import type { LimitOption } from "../../shared/store/jobs/job_extras.ts";
import type { DurationOption } from "../../shared/store/jobs/job_option.ts";
import type { BackoffOption, EnqueueOptions } from "../../shared/store/jobs/new_job.ts";
import { UserError } from "../../shared/user_error.ts";

/** What enqueue takes when its caller says nothing. */
export const ENQUEUE_DEFAULTS = ["queue", "lane", "expires", "unique", "track", "keep", "durable"] as const;
const SETTINGS: readonly string[] = [
  "attempts",
  "timeout",
  "backoff",
  "schema",
  "limit",
  ...ENQUEUE_DEFAULTS,
  "run",
];

/** Says something about a job in the worker's log, with the job's id and type beside it. */
export interface JobLog {
  debug(text: string): void;
  debug(fields: object, text?: string): void;
  info(text: string): void;
  info(fields: object, text?: string): void;
  warn(text: string): void;
  warn(fields: object, text?: string): void;
  error(text: string): void;
  error(fields: object, text?: string): void;
}

/** What a handler knows of the job it runs. */
export interface JobContext {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** 1 at the first try. */
  readonly attempt: number;
  /** Aborted when the attempt's time is over or the worker must stop. */
  readonly signal: AbortSignal;
  readonly log: JobLog;
  /** How far it is, as JSON: jobs.get() shows it, when the job has a record. */
  progress(value: unknown): void;
  /** Ends the attempt: the job is dead ("discarded"), whatever tries are left. */
  discard(reason?: string): never;
  /** Ends the attempt, which does not count: the job comes back after this time, 100 ms at least. */
  retryAfter(delay: DurationOption, reason?: string): never;
}

/** The options of enqueue that a handler may give for all its jobs. */
export interface EnqueueDefaults extends Pick<EnqueueOptions, (typeof ENQUEUE_DEFAULTS)[number]> {
  limit?: Omit<LimitOption, "key"> & { key: string | ((payload: unknown) => string) };
}

export interface JobHandler extends EnqueueDefaults {
  /** Tries in all before the job is dead. */
  attempts?: number;
  /** Time for one attempt: "30s", or milliseconds. */
  timeout?: DurationOption;
  /** Milliseconds to wait after failed attempt number `attempt`, or one of the ready-made backoffs. */
  backoff?: BackoffOption | ((attempt: number) => number);
  /** Payloads that don't match are refused at enqueue, and dead ("schema") at the worker. */
  schema?: TSchema;
  run(payload: unknown, job: JobContext): unknown;
}

export interface JobHandlers {
  [type: string]: JobHandler;
}

/** Names the handlers of a worker; the default export of jobs.ts. Throws a UserError that names a wrong setting. */
export function defineJobs<Handlers extends JobHandlers>(handlers: Handlers): Handlers {
  if (typeof handlers !== "object" || handlers === null) {
    throw new UserError(
      "defineJobs needs an object: defineJobs({ send_email: { run(payload, job) { … } } })",
    );
  }
  for (const [type, handler] of Object.entries(handlers)) {
    if (typeof handler?.run !== "function") {
      throw new UserError(`job "${type}" has no run(payload, job) function`);
    }
    const unknown = Object.keys(handler).find((name) => !SETTINGS.includes(name));
    if (unknown)
      throw new UserError(`job "${type}": there is no setting "${unknown}": use ${SETTINGS.join(", ")}`);
  }
  return handlers;
}

/** What enqueue takes of a handler's settings, as an object of its own; what its caller says wins. */
export function enqueueDefaults(handler: JobHandler, payload: unknown): EnqueueOptions {
  const { limit } = handler;
  const defaults: Record<string, unknown> = {};
  for (const name of ENQUEUE_DEFAULTS) if (handler[name] !== undefined) defaults[name] = handler[name];
  if (!limit) return defaults;
  const key = typeof limit.key === "function" ? limit.key(payload) : limit.key;
  return { ...defaults, limit: { ...limit, key } };
}
