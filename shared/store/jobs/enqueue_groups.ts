import { StoreError } from "../store_error.ts";
import type { NewJob } from "./job.ts";

/** The store does nothing else while it stores a group; Redis takes about 5 ms for this many. */
const JOBS_A_GROUP = 1_000;
/** Of payloads, for the same reason. A call that has more goes alone. */
const CHARS_A_GROUP = 4 * 1024 ** 2;
const OUTSTANDING_MAX = 50_000;

interface Call {
  jobs: readonly NewJob[];
  resolve(ids: string[]): void;
  reject(error: unknown): void;
}

/** Resolves with the id of each. */
type Store = (jobs: readonly NewJob[]) => Promise<string[]>;

/**
 * Stores the enqueue calls of one turn of the event loop together; a call's jobs are never in two groups. While nothing
 * is on its way to the store, the calls of one callback are enough: a lone caller waits for no turn.
 */
export class EnqueueGroups {
  readonly #store: Store;
  #calls: Call[] = [];
  #outstanding = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  add(jobs: readonly NewJob[]): Promise<string[]> {
    if (this.#outstanding + jobs.length > OUTSTANDING_MAX) {
      return Promise.reject(new StoreError(`${this.#outstanding} jobs wait for the store already`, true));
    }
    const isIdle = this.#outstanding === 0;
    this.#outstanding += jobs.length;
    return new Promise((resolve, reject) => {
      this.#calls.push({ jobs, resolve, reject });
      if (this.#calls.length > 1) return;
      if (isIdle) process.nextTick(this.#flush);
      else setImmediate(this.#flush);
    });
  }

  readonly #flush = (): void => {
    const calls = this.#calls;
    this.#calls = [];
    let group: Call[] = [];
    let size = 0;
    let chars = 0;
    for (const call of calls) {
      const callChars = charsOf(call.jobs);
      if (size > 0 && (size + call.jobs.length > JOBS_A_GROUP || chars + callChars > CHARS_A_GROUP)) {
        void this.#run(group, size);
        group = [];
        size = 0;
        chars = 0;
      }
      group.push(call);
      size += call.jobs.length;
      chars += callChars;
    }
    void this.#run(group, size);
  };

  async #run(group: readonly Call[], size: number): Promise<void> {
    try {
      const [only] = group;
      if (group.length === 1 && only) return only.resolve(await this.#store(only.jobs));
      const ids = await this.#store(group.flatMap(({ jobs }) => jobs));
      let at = 0;
      for (const { jobs, resolve } of group) {
        resolve(ids.slice(at, at + jobs.length));
        at += jobs.length;
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      this.#outstanding -= size;
    }
  }
}

function charsOf(jobs: readonly NewJob[]): number {
  let chars = 0;
  for (const { payload } of jobs) chars += payload.length;
  return chars;
}
