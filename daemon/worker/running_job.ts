import { log } from "../../shared/log.ts";
import type { ClaimedJob } from "../../shared/store/jobs/job.ts";
import type { JobContext, JobLog } from "../sdk/define_jobs.ts";

/** A job whose handler runs now, as the handler sees it. Signal and log are made when they are first asked for. */
export class RunningJob implements JobContext {
  readonly claimed: ClaimedJob;
  readonly startedAtMs = performance.now();
  #late: PromiseWithResolvers<never> | undefined;
  #abort: AbortController | undefined;
  #reason: Error | undefined;
  #log: JobLog | undefined;

  constructor(claimed: ClaimedJob) {
    this.claimed = claimed;
  }

  get id(): string {
    return this.claimed.id;
  }

  get type(): string {
    return this.claimed.type;
  }

  get queue(): string {
    return this.claimed.queue;
  }

  get attempt(): number {
    return this.claimed.attempt;
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#reason) this.#abort.abort(this.#reason);
    }
    return this.#abort.signal;
  }

  get log(): JobLog {
    this.#log ??= log.child({ job: this.id, type: this.type });
    return this.#log;
  }

  /** Rejects with the reason once the handler's time is over. */
  get timedOut(): Promise<never> {
    this.#late ??= Promise.withResolvers<never>();
    return this.#late.promise;
  }

  /** Tells the handler to stop; the reason is its signal's. */
  abort(reason: Error): void {
    this.#reason = reason;
    this.#abort?.abort(reason);
  }

  /** The same, and no longer waits for it. */
  timeOut(reason: Error): void {
    this.abort(reason);
    this.#late?.reject(reason);
  }
}
