// What "trivet" exports, for editors. The module itself is inside the trivet program.
declare module "trivet" {
  /** "30s", or a number of milliseconds. */
  export type Duration = string | number;
  /** "curve": n⁴ + 15 s and some jitter; "fixed": the same delay each time; "exponential": doubling from it. */
  export type BackoffKind = "curve" | "fixed" | "exponential";
  export type Backoff = BackoffKind | { kind: BackoffKind; delay?: Duration };

  export interface EnqueueOptions {
    /** Default: "default". */
    queue?: string;
    /** Not before this time has passed. */
    delay?: Duration;
    /** Not before this moment: a Date, an ISO 8601 text or milliseconds since 1970. Instead of `delay`. */
    at?: Date | string | number;
    /** Tries in all before the job is dead. Default: the handler's, else 25. */
    attempts?: number;
    /** How long to wait between tries. Default: the handler's, else "curve". */
    backoff?: Backoff;
    /** The handler's time for one attempt; "0": no limit. Default: the handler's, else no limit. */
    timeout?: Duration;
  }

  export const jobs: {
    /** Resolves with the job's id when the store has it. The payload must be JSON, at most 1 MiB. */
    enqueue(type: string, payload?: unknown, options?: EnqueueOptions): Promise<string>;
    /** All or none; the ids in order. At most 10,000 at once. */
    enqueueMany(items: readonly (EnqueueOptions & { type: string; payload?: unknown })[]): Promise<string[]>;
  };

  /** Says something in the worker's log, with the job's id and type beside it. */
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
    /** How long to wait between tries, or milliseconds to wait after failed attempt number `attempt`. */
    backoff?: Backoff | ((attempt: number) => number);
    /** A TypeBox schema, such as Elysia's t.Object({ … }): payloads that don't match are refused. */
    schema?: object;
    /** What it throws counts as a failed attempt. Give `payload` the type that enqueue sends. */
    run(payload: unknown, job: JobContext): unknown;
  }

  /** The default export of jobs.ts. */
  export function defineJobs<Handlers extends Record<string, JobHandler>>(handlers: Handlers): Handlers;
}
