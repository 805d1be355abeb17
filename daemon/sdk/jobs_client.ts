import type { NewJob } from "../../shared/store/jobs/job.ts";
import { type DurationOption, readDuration } from "../../shared/store/jobs/job_option.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import type { EnqueueOptions } from "../../shared/store/jobs/new_job.ts";
import type { JobHandlers } from "./define_jobs.ts";
import { addToOutbox } from "./enqueue_in.ts";
import { createOne, type EnqueueItem, oneItem } from "./enqueue_item.ts";
import { type JobView, viewOf } from "./job_view.ts";

const JOBS_AT_ONCE_MAX = 10_000;
/** A store that takes in more in one piece does nothing else for seconds. */
const CHARS_AT_ONCE_MAX = 64 * 1024 ** 2;
const WAIT_DEFAULT_MS = 30_000;

export interface WaitOptions {
  timeout?: DurationOption;
  signal?: AbortSignal;
}

/** `jobs` of the module "trivet". */
export interface Jobs {
  /**
   * Resolves with the job's id when the store has it: another one's where a unique job waits already. Rejects with a
   * TypeError for a wrong option.
   */
  enqueue(type: string, payload?: unknown, options?: EnqueueOptions): Promise<string>;
  /** In one round trip, all or none of a queue; the ids in order. At most 10,000 at once, and 64 MiB of payloads. */
  enqueueMany(items: readonly EnqueueItem[]): Promise<string[]>;
  /** Inside a PostgreSQL transaction: enqueued when that commits, and only then. */
  enqueueIn(tx: unknown, type: string, payload?: unknown, options?: EnqueueOptions): Promise<string>;
  /** A job enqueued with `id`, `track` or `keep`; undefined when there is no record (any more). */
  get(id: string): Promise<JobView | undefined>;
  /** The same once it has ended, or as it is after `timeout` (30 s when absent). */
  wait(id: string, options?: WaitOptions): Promise<JobView | undefined>;
  /** Whether it will not run, or is told to stop; false when it has ended or has no record. */
  cancel(id: string): Promise<boolean>;
}

export interface JobsClient {
  jobs: Jobs;
  /** Takes schemas and enqueue's defaults of the handlers file; all else is the worker's to look up. */
  useHandlers(handlers: JobHandlers): void;
  close(): Promise<void>;
}

export interface JobsClientOptions {
  /** Called at the first use, and after a close. */
  openStore(): JobStore;
  /** Where schemas come from; called at the first use, useHandlers() comes before it. */
  loadHandlers?(): Promise<JobHandlers>;
  /** Told what the store has taken. */
  onEnqueued?(jobs: readonly NewJob[]): void;
  /** Lets go of the store when nothing was enqueued for so long: a script ends although its store would hold it. */
  idleMs?: number;
}

export function jobsClient({ openStore, loadHandlers, onEnqueued, idleMs }: JobsClientOptions): JobsClient {
  let store: JobStore | undefined;
  let handlers: JobHandlers | undefined;
  let busy = 0;
  let idleSinceMs = 0;
  let idle: ReturnType<typeof setTimeout> | undefined;

  async function load(): Promise<JobHandlers> {
    handlers = (await loadHandlers?.()) ?? {};
    return handlers;
  }

  async function create(items: readonly EnqueueItem[]): Promise<NewJob[]> {
    const known = handlers ?? (await load());
    let chars = 0;
    return items.map((item, i) => {
      try {
        const job = createOne(item, known);
        chars += job.payload.length;
        if (chars > CHARS_AT_ONCE_MAX)
          throw new TypeError("up to here the payloads have over 64 MiB: enqueue them in parts");
        return job;
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        throw new TypeError(`enqueueMany: entry ${i}: ${error.message}`, { cause: error });
      }
    });
  }

  async function add(items: readonly EnqueueItem[]): Promise<string[]> {
    const created = await create(items);
    const ids = await withStore((opened) => opened.enqueue(created));
    // One that stands for another was not added.
    onEnqueued?.(created.filter(({ id }, i) => ids[i] === id));
    return ids;
  }

  async function withStore<Result>(work: (store: JobStore) => Promise<Result>): Promise<Result> {
    busy++;
    try {
      store ??= openStore();
      return await work(store);
    } finally {
      busy--;
      idleSinceMs = performance.now();
      if (idleMs !== undefined) idle ??= setTimeout(closeIfIdle, idleMs);
    }
  }

  /** One timer for all calls: it looks again when there was one meanwhile. */
  function closeIfIdle(): void {
    idle = undefined;
    const leftMs = (idleMs ?? 0) - (performance.now() - idleSinceMs);
    if (busy > 0) return;
    if (leftMs > 0) idle = setTimeout(closeIfIdle, leftMs);
    else void close();
  }

  async function close(): Promise<void> {
    clearTimeout(idle);
    idle = undefined;
    const closing = store;
    store = undefined;
    await closing?.close();
  }

  return {
    jobs: {
      async enqueue(type, payload, options = {}) {
        const job = createOne(oneItem(type, payload, options), handlers ?? (await load()));
        const [id = ""] = await withStore((opened) => opened.enqueue([job]));
        if (id === job.id) onEnqueued?.([job]);
        return id;
      },
      async enqueueMany(items) {
        if (!Array.isArray(items))
          throw new TypeError("enqueueMany needs a list: [{ type, payload, …options }]");
        if (items.length > JOBS_AT_ONCE_MAX) {
          throw new TypeError(`enqueueMany takes at most ${JOBS_AT_ONCE_MAX} jobs at once`);
        }
        const wrong = items.findIndex((item) => typeof item !== "object" || item === null);
        if (wrong >= 0)
          throw new TypeError(
            `enqueueMany: entry ${wrong} is ${items[wrong]}: it must be { type, payload, …options }`,
          );
        return items.length === 0 ? [] : add(items as readonly EnqueueItem[]);
      },
      async enqueueIn(tx, type, payload, options = {}) {
        const job = createOne(oneItem(type, payload, options), handlers ?? (await load()));
        await addToOutbox(tx, [job]);
        return job.id;
      },
      async get(id) {
        mustBeId(id);
        return viewOf(await withStore(({ records }) => records.get(id)));
      },
      async wait(id, options = {}) {
        mustBeId(id);
        const unknown = Object.keys(options).find((name) => name !== "timeout" && name !== "signal");
        if (unknown) throw new TypeError(`jobs.wait has no option "${unknown}": use timeout, signal`);
        const { timeout = WAIT_DEFAULT_MS, signal = new AbortController().signal } = options;
        const waitMs = readDuration(id, "jobs.wait's timeout", timeout);
        return viewOf(await withStore(({ records }) => records.wait(id, waitMs, signal)));
      },
      async cancel(id) {
        mustBeId(id);
        return withStore(({ records }) => records.cancel(id));
      },
    },
    useHandlers(loaded) {
      handlers = loaded;
    },
    close,
  };
}

function mustBeId(id: unknown): void {
  if (typeof id !== "string")
    throw new TypeError(`a job's id is a text, not ${Bun.inspect(id).slice(0, 100)}`);
}
