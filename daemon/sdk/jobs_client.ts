import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { type EnqueueOptions, type JobDefaults, newJob } from "../../shared/store/jobs/new_job.ts";
import type { JobHandler, JobHandlers } from "./define_jobs.ts";

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
  /** Takes defaults and schemas of the types in the handlers file. */
  useHandlers(handlers: JobHandlers): void;
  close(): Promise<void>;
}

/** `jobs` over a store that is opened at the first use. */
export function jobsClient(openStore: () => JobStore): JobsClient {
  let store: JobStore | undefined;
  let handlers: JobHandlers = {};

  async function add(items: readonly EnqueueItem[]): Promise<string[]> {
    const created = items.map(({ type, payload, ...options }) => {
      return newJob(
        type,
        payload,
        options,
        defaultsOf(Object.hasOwn(handlers, type) ? handlers[type] : undefined),
      );
    });
    store ??= openStore();
    await store.enqueue(created);
    return created.map(({ id }) => id);
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
        if (items.length > JOBS_AT_ONCE_MAX)
          throw new TypeError(`enqueueMany takes at most ${JOBS_AT_ONCE_MAX} jobs at once`);
        return items.length === 0 ? [] : add(items as readonly EnqueueItem[]);
      },
    },
    useHandlers(given) {
      handlers = given;
    },
    async close() {
      await store?.close();
      store = undefined;
    },
  };
}

/** A backoff function stays with the worker: enqueue carries data only. */
function defaultsOf(handler: JobHandler | undefined): JobDefaults {
  if (!handler) return {};
  const { attempts, timeout, backoff } = handler;
  return {
    ...(attempts !== undefined && { attempts }),
    ...(timeout !== undefined && { timeout }),
    ...(backoff !== undefined && typeof backoff !== "function" && { backoff }),
  };
}
