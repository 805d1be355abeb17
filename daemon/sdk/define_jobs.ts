import type { TSchema } from "@sinclair/typebox";
import type { BackoffOption } from "../../shared/store/jobs/new_job.ts";
import { UserError } from "../../shared/user_error.ts";

const SETTINGS = ["attempts", "timeout", "backoff", "schema", "run"];

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
}

export interface JobHandler {
  /** Tries in all before the job is dead. */
  attempts?: number;
  /** Time for one attempt, such as "30s". */
  timeout?: string;
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
