import { log } from "../../shared/log.ts";
import type { Counter } from "../../shared/metrics.ts";
import type { Settlement } from "../../shared/store/jobs/job.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { sentenceOf } from "../../shared/user_error.ts";

const BATCH_MAX = 500;
const RETRY_MS = 50;
const RETRY_LONGEST_MS = 2_000;

/** Tells the store what became of jobs, many at a time; keeps at it until the store has heard. */
export class Settler {
  readonly #store: Pick<JobStore, "settle">;
  readonly #owner: string;
  readonly #leasesLost: Counter;
  #waiting: Settlement[] = [];
  #working: Promise<void> | undefined;
  #givenUp = false;

  constructor(store: Pick<JobStore, "settle">, owner: string, leasesLost: Counter) {
    this.#store = store;
    this.#owner = owner;
    this.#leasesLost = leasesLost;
  }

  add(settlement: Settlement): void {
    this.#waiting.push(settlement);
    this.#working ??= this.#work();
  }

  /** Outcomes the store has not heard of. */
  get backlog(): number {
    return this.#waiting.length;
  }

  /** Resolves when the store has heard of all of them. */
  async told(): Promise<void> {
    await this.#working;
  }

  /** Resolves when all is told, or after `deadlineMs`: the rest is done again by another worker. */
  async finish(deadlineMs: number): Promise<void> {
    await Promise.race([this.#working, Bun.sleep(deadlineMs)]);
    this.#givenUp = true;
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#givenUp) {
      // One turn: jobs that end together are settled together.
      await new Promise<void>((resolve) => setImmediate(resolve));
      const batch = this.#waiting.slice(0, BATCH_MAX);
      await this.#settle(batch);
      this.#waiting.splice(0, batch.length);
    }
    this.#working = undefined;
  }

  async #settle(batch: readonly Settlement[]): Promise<void> {
    for (let attempt = 0; !this.#givenUp; attempt++) {
      try {
        const applied = await this.#store.settle(this.#owner, batch);
        const lost = applied.filter((done) => !done).length;
        if (lost === 0) return;
        this.#leasesLost.value += lost;
        log.warn({ jobs: lost }, "outcomes came too late: another worker has these jobs");
        return;
      } catch (error) {
        if (attempt === 0) log.warn(`can't settle ${batch.length} jobs yet: ${sentenceOf(error)}`);
        await Bun.sleep(Math.min(RETRY_LONGEST_MS, RETRY_MS * 2 ** attempt) * (0.5 + Math.random() / 2));
      }
    }
  }
}
