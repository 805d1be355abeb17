/** Handlers that go on though their job's attempt has ended: it timed out, was killed, or another worker has it. */
import { log } from "../../shared/log.ts";
import type { RunningJob } from "./running_job.ts";

/** What a handler may take to end once its signal is aborted. */
const GRACE_MS = 10_000;

interface GivenUp {
  sinceMs: number;
  /** The log has named it. */
  told: boolean;
}

export class StuckHandlers {
  readonly #jobs = new Map<RunningJob, GivenUp>();

  add(job: RunningJob, nowMs: number): void {
    if (!this.#jobs.has(job)) this.#jobs.set(job, { sinceMs: nowMs, told: false });
  }

  /** It has ended after all. */
  delete(job: RunningJob): void {
    this.#jobs.delete(job);
  }

  /** How many have had their time. The log names each once. */
  look(nowMs: number): number {
    let stuck = 0;
    for (const [{ id, type }, givenUp] of this.#jobs) {
      if (nowMs - givenUp.sinceMs < GRACE_MS) continue;
      stuck++;
      if (givenUp.told) continue;
      givenUp.told = true;
      log.warn(
        { job: id, type },
        "a handler goes on though its job has ended: it should heed job.signal; a fresh process takes the place of this one",
      );
    }
    return stuck;
  }
}
