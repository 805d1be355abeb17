import { StoreError } from "../store_error.ts";
import type { NewJob } from "./job.ts";
import { metaOf } from "./redis_entry.ts";
import { keysOf } from "./redis_keys.ts";

/** A script stops all else in Redis while it runs; this many jobs take about 2 ms. */
const JOBS_A_SCRIPT = 1_000;
const OUTSTANDING_MAX = 50_000;

interface Call {
  jobs: readonly NewJob[];
  resolve(): void;
  reject(error: unknown): void;
}

type Send = (keys: string[], args: (string | number)[]) => Promise<unknown>;

/** Puts enqueue calls of one turn of the event loop into one script: all of a call's jobs or none. */
export class RedisEnqueuer {
  readonly #send: Send;
  #calls: Call[] = [];
  #outstanding = 0;

  constructor(send: Send) {
    this.#send = send;
  }

  add(jobs: readonly NewJob[]): Promise<void> {
    if (this.#outstanding + jobs.length > OUTSTANDING_MAX) {
      return Promise.reject(new StoreError(`${this.#outstanding} jobs wait for Redis already`, true));
    }
    this.#outstanding += jobs.length;
    return new Promise<void>((resolve, reject) => {
      this.#calls.push({ jobs, resolve, reject });
      if (this.#calls.length === 1) setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    let group: Call[] = [];
    let size = 0;
    for (const call of this.#calls.splice(0)) {
      if (size > 0 && size + call.jobs.length > JOBS_A_SCRIPT) {
        void this.#run(group, size);
        group = [];
        size = 0;
      }
      group.push(call);
      size += call.jobs.length;
    }
    void this.#run(group, size);
  }

  async #run(group: readonly Call[], size: number): Promise<void> {
    try {
      const { keys, args } = encode(group.flatMap(({ jobs }) => jobs));
      await this.#send(keys, args);
      for (const { resolve } of group) resolve();
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      this.#outstanding -= size;
    }
  }
}

function encode(jobs: readonly NewJob[]): { keys: string[]; args: (string | number)[] } {
  const nowMs = Date.now();
  const numbers = new Map<string, number>();
  const args: (string | number)[] = [];
  for (const job of jobs) {
    let number = numbers.get(job.queue);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(job.queue, number);
    }
    // Relative: the moment is counted on Redis's clock.
    args.push(number, job.runAtMs > nowMs ? job.runAtMs - nowMs : 0, metaOf(job), job.payload);
  }
  const keys = [...numbers.keys()].flatMap((queue) => {
    const { stream, delayed } = keysOf(queue);
    return [stream, delayed];
  });
  return { keys, args };
}
