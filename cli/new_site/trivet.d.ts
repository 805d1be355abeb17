// What "trivet" exports, for editors. The module itself is inside the trivet program.
declare module "trivet" {
  /** The jobs of jobs.ts: their names and payloads are known to jobs.enqueue. */
  type Site = typeof import("./jobs.ts").default;

  /** "30s", or a number of milliseconds. */
  export type Duration = string | number;
  /** "curve": n⁴ + 15 s and some jitter; "fixed": the same delay each time; "exponential": doubling from it. */
  export type BackoffKind = "curve" | "fixed" | "exponential";
  export type Backoff = BackoffKind | { kind: BackoffKind; delay?: Duration };
  /** Which of a queue's waiting jobs come first; none starves. */
  export type Lane = "high" | "normal" | "low";
  /** At most so many in any stretch of a time. */
  export type Rate = { jobs: number; per: Duration };

  interface EnqueueDefaults {
    /** Default: "default". */
    queue?: string;
    /** Default: "normal". */
    lane?: Lane;
    /** Not begun when this time has passed since the enqueue, or after this Date: then it is dead ("expired"). */
    expires?: Duration | Date;
    /**
     * While a job of the same type, queue and key is there, nothing is added and its id is given. The key is made from
     * the payload when absent. The lock ends with the job, or when it begins, or after `ttl` ("1d") without news of it.
     */
    unique?: boolean | { key?: string; ttl?: Duration; until?: "done" | "start" };
    /** Keeps a record for jobs.get and jobs.wait until a day after the job's end. */
    track?: boolean;
    /** The same with what the handler returns, until so long after its end (true: a day). */
    keep?: boolean | Duration | { ttl?: Duration };
    /** On Redis: resolves only when a replica has it too. */
    durable?: boolean;
  }

  export interface EnqueueOptions extends EnqueueDefaults {
    /** Not before this time has passed. */
    delay?: Duration;
    /** Not before this moment: a Date, an ISO 8601 text or milliseconds since 1970. Instead of `delay`. */
    at?: Date | string | number;
    /** Tries in all before the job is dead. Default: the handler's, else 25. */
    attempts?: number;
    /** How long to wait between tries. Default: the handler's, else "curve". */
    backoff?: Backoff;
    /** The handler's time for one attempt, at most 24 days; "0": no limit. Default: the handler's, else no limit. */
    timeout?: Duration;
    /** An id of your own: enqueued again while its record is there, nothing is added. */
    id?: string;
    /** Jobs of the same key and queue: so many at a time, so many in a time, over all workers. */
    limit?: { key: string; concurrency?: number; rate?: Rate };
  }

  export type JobState = "waiting" | "delayed" | "running" | "done" | "dead" | "cancelled";
  export type DeadReason =
    | "decode"
    | "unknown_type"
    | "schema"
    | "stalled"
    | "exhausted"
    | "expired"
    | "discarded"
    | "killed";

  export interface JobView {
    id: string;
    type: string;
    queue: string;
    lane: Lane;
    state: JobState;
    /** Of the latest try; 0 before the first. One that its worker could not end does not count. */
    attempt: number;
    enqueuedAt: Date;
    endedAt: Date | null;
    /** What job.progress() was last told. */
    progress: unknown;
    /** What the handler returned, for a job enqueued with `keep`. */
    result: unknown;
    reason: DeadReason | null;
    /** Of the latest failed attempt. */
    error: string | null;
  }

  /** Name → payload, as jobs.ts has them; any name and payload without it. */
  type Payloads = Site extends { readonly payloads?: infer Known } ? NonNullable<Known> : Record<string, any>;
  type Name = keyof Payloads & string;
  /** A payload that may be left out. */
  type PayloadArguments<Payload, Options> = unknown extends Payload
    ? [payload?: Payload, options?: Options]
    : undefined extends Payload
      ? [payload?: Payload, options?: Options]
      : [payload: Payload, options?: Options];
  type Item<Type extends Name> = { type: Type } & (undefined extends Payloads[Type]
    ? { payload?: Payloads[Type] }
    : { payload: Payloads[Type] });

  type Transaction =
    | { unsafe(text: string, parameters?: any[]): PromiseLike<any> }
    | { query(text: string, parameters?: any[]): PromiseLike<any> };

  /** Before the process leaves, once requests and jobs are done: awaited, the newest first, up to the drain timeout. */
  export function onShutdown(hook: () => any): void;

  export const jobs: {
    /**
     * Resolves with the job's id when the store has it: another one's where a unique job waits already. The payload
     * must be JSON, at most 1 MiB.
     */
    enqueue<Type extends Name>(
      type: Type,
      ...rest: PayloadArguments<Payloads[Type], EnqueueOptions>
    ): Promise<string>;
    /** In one round trip, all or none of a queue; the ids in order. At most 10,000 at once, and 64 MiB. */
    enqueueMany(items: readonly (EnqueueOptions & { [Type in Name]: Item<Type> }[Name])[]): Promise<string[]>;
    /**
     * Inside a PostgreSQL transaction (the `tx` of sql.begin of "postgres" or Bun, a client of "pg" after BEGIN):
     * enqueued when it commits, and only then. Workers relay it: set [database] primary.
     */
    enqueueIn<Type extends Name>(
      tx: Transaction,
      type: Type,
      ...rest: PayloadArguments<Payloads[Type], EnqueueOptions>
    ): Promise<string>;
    /** A job enqueued with `id`, `track` or `keep`; undefined when there is no record (any more). */
    get(id: string): Promise<JobView | undefined>;
    /** The same once it has ended, or as it is after `timeout` (30 s) or when `signal` is aborted. */
    wait(id: string, options?: { timeout?: Duration; signal?: AbortSignal }): Promise<JobView | undefined>;
    /** Whether it will not run, or is told to stop by its signal; false when it has ended or has no record. */
    cancel(id: string): Promise<boolean>;
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
    /** Aborted when the attempt's time is over, the job is cancelled or the worker must stop. */
    readonly signal: AbortSignal;
    readonly log: JobLog;
    /** How far it is: jobs.get() shows it, for a job with a record. */
    progress(value: unknown): void;
    /** Ends the attempt: the job is dead ("discarded"), whatever tries are left. */
    discard(reason?: string): never;
    /** Ends the attempt, which does not count: the job comes back after this time, 100 ms at least. */
    retryAfter(delay: Duration, reason?: string): never;
  }

  export interface JobHandler<Payload = any> extends EnqueueDefaults {
    /** Tries in all before the job is dead. */
    attempts?: number;
    /** Time for one attempt, such as "30s"; at most 24 days. */
    timeout?: Duration;
    /** How long to wait between tries, or milliseconds to wait after failed attempt number `attempt`. */
    backoff?: Backoff | ((attempt: number) => number);
    /** A TypeBox schema, such as Elysia's t.Object({ … }): payloads that don't match are refused. */
    schema?: { static: Payload };
    /** As of enqueue; the key may be made from the payload. */
    limit?: { key: string | ((payload: Known<Payload>) => string); concurrency?: number; rate?: Rate };
    /** What it throws counts as a failed attempt. Without a schema, give `payload` the type that enqueue sends. */
    run(payload: Known<Payload>, job: JobContext): any;
  }

  /** What nothing is said of may be anything. */
  type Known<Payload> = unknown extends Payload ? any : Payload;

  type Handlers<Payloads> = { [Type in keyof Payloads]: JobHandler<Payloads[Type]> };
  /** By its schema, else by how the handler's first parameter is declared. */
  type PayloadOf<Handler> = Handler extends { schema: { static: infer Payload } }
    ? Payload
    : Handler extends { run: () => any }
      ? unknown
      : Handler extends { run(payload: infer Payload, ...rest: any): any }
        ? Payload
        : unknown;

  /** What jobs.ts exports: the payload of each job. */
  export interface Jobs<Payloads> {
    readonly payloads?: Payloads;
  }

  /** The default export of jobs.ts. */
  export function defineJobs<
    Payloads,
    Given extends Record<string, { [Setting in keyof JobHandler]?: unknown }>,
  >(handlers: Given & Handlers<Payloads>): Jobs<{ [Type in keyof Given]: PayloadOf<Given[Type]> }>;
}
