import { log } from "../../shared/log.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { sentenceOf } from "../../shared/user_error.ts";
import type { RunningJob } from "./running_job.ts";

/** Only handlers that run longer than this are asked about: most never are. */
const EVERY_MS = 1_000;

/** Who runs jobs. */
export interface LeaseHolder {
  /** Those that run for `forMs` or longer. */
  runningFor(forMs: number): RunningJob[];
  /** It is not ours any more. */
  lose(job: RunningJob): void;
}

/** Notices when a running job was killed by an operator, or given to another worker: its handler is told to stop. */
export class LeaseCheck {
  readonly #store: Pick<JobStore, "holds">;
  readonly #owner: string;
  readonly #holder: LeaseHolder;
  #asking = false;

  constructor(store: Pick<JobStore, "holds">, owner: string, holder: LeaseHolder) {
    this.#store = store;
    this.#owner = owner;
    this.#holder = holder;
  }

  start(): void {
    setInterval(() => void this.#look(), EVERY_MS);
  }

  async #look(): Promise<void> {
    if (this.#asking) return;
    const jobs = this.#holder.runningFor(EVERY_MS);
    if (jobs.length === 0) return;
    this.#asking = true;
    try {
      const leases = jobs.map(({ claimed: { queue, fence } }) => ({ queue, fence }));
      const held = await this.#store.holds(this.#owner, leases);
      for (const [i, job] of jobs.entries()) if (held[i] === false) this.#holder.lose(job);
    } catch (error) {
      // Without an answer nothing is known; the next look follows soon.
      log.debug(`can't ask for leases: ${sentenceOf(error)}`);
    } finally {
      this.#asking = false;
    }
  }
}
