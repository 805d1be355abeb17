import type { NewJob } from "../../shared/store/jobs/job.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { type EnqueueOptions, newJob } from "../../shared/store/jobs/new_job.ts";
import type { JobHandlers } from "./define_jobs.ts";
import { checkPayload } from "./payload_schema.ts";

const JOBS_AT_ONCE_MAX = 10_000;

export interface EnqueueItem extends EnqueueOptions {
  type: string;
  payload?: unknown;
}

/** `jobs` of the module "trivet". */
export interface Jobs {
  /** Resolves with the job's id when the store has it; rejects with a TypeError for a wrong option. */
  enqueue(type: string, payload?: unknown, options?: EnqueueOptions): Promise<string>;
  /** All or none; the ids in order. At most 10,000 at once. */
  enqueueMany(items: readonly EnqueueItem[]): Promise<string[]>;
}

export interface JobsClient {
  jobs: Jobs;
  /** Takes the schemas of the handlers file; all else is the worker's to look up. */
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
  let idle: ReturnType<typeof setTimeout> | undefined;

  async function add(items: readonly EnqueueItem[]): Promise<string[]> {
    handlers ??= (await loadHandlers?.()) ?? {};
    const known = handlers;
    const created = items.map(({ type, payload, ...options }) => {
      const schema = Object.hasOwn(known, type) ? known[type]?.schema : undefined;
      if (schema) checkPayload(type, schema, payload);
      return newJob(type, payload, options);
    });
    clearTimeout(idle);
    busy++;
    try {
      store ??= openStore();
      await store.enqueue(created);
      onEnqueued?.(created);
    } finally {
      busy--;
      if (busy === 0 && idleMs !== undefined) idle = setTimeout(() => void close(), idleMs);
    }
    return created.map(({ id }) => id);
  }

  async function close(): Promise<void> {
    clearTimeout(idle);
    const closing = store;
    store = undefined;
    await closing?.close();
  }

  return {
    jobs: {
      async enqueue(type, payload, options = {}) {
        const [id = ""] = await add([{ ...options, type, payload }]);
        return id;
      },
      async enqueueMany(items) {
        if (!Array.isArray(items))
          throw new TypeError("enqueueMany needs a list: [{ type, payload, …options }]");
        if (items.length > JOBS_AT_ONCE_MAX) {
          throw new TypeError(`enqueueMany takes at most ${JOBS_AT_ONCE_MAX} jobs at once`);
        }
        return items.length === 0 ? [] : add(items as readonly EnqueueItem[]);
      },
    },
    useHandlers(given) {
      handlers = given;
    },
    close,
  };
}
