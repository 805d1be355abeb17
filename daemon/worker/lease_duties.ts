import { log } from "../../shared/log.ts";
import type { WorkerEnd } from "../../shared/store/jobs/job.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { sleep } from "../../shared/timer.ts";
import { sentenceOf } from "../../shared/user_error.ts";

/** Renewals come at least this often, so that workers with longer leases get on with those that have short ones. */
const RENEW_LONGEST_MS = 5_000;
const RECLAIM_LONGEST_MS = 10_000;
const PROMOTE_MS = 500;
const RETRY_MS = 1_000;
const HOW_CHARS_MAX = 500;
/** What a dead child's last claim may still have leased to it is found by then. */
const SECOND_LOOK_MS = 1_000;

type Duty = "renew" | "reclaim" | "promote" | "release";

/**
 * What the parent does for its workers, because no handler can block it: renews their leases, frees the jobs of a
 * dead one at once, reclaims those of lost nodes, and moves due jobs into their queue.
 */
export class LeaseDuties {
  readonly #store: JobStore;
  readonly #queues: readonly string[];
  readonly #leaseMs: number;
  readonly #owners = new Set<string>();
  readonly #troubles = new Map<Duty, string>();
  readonly #releases = new Set<Promise<void>>();
  readonly #stopped = new AbortController();

  /** Jobs were freed of which some may have to run alone. */
  readonly #onSuspects: () => void;

  constructor(store: JobStore, queues: readonly string[], leaseMs: number, onSuspects: () => void) {
    this.#onSuspects = onSuspects;
    this.#store = store;
    this.#queues = queues;
    this.#leaseMs = leaseMs;
  }

  start(): void {
    const { leases } = this.#store;
    const [queues, leaseMs] = [this.#queues, this.#leaseMs];
    void this.#again("renew", async () => {
      await leases.renew(queues, [...this.#owners], leaseMs);
      return Math.min(RENEW_LONGEST_MS, leaseMs / 3);
    });
    void this.#again("reclaim", async () => {
      const jobs = await leases.reclaim(queues, leaseMs);
      if (jobs > 0) log.warn({ jobs }, "workers were silent too long: their jobs go to others");
      return Math.min(RECLAIM_LONGEST_MS, leaseMs / 3);
    });
    void this.#again("promote", () => leases.promote(queues, PROMOTE_MS));
  }

  /** Keeps the leases of a worker alive. */
  adopt(owner: string): void {
    this.#owners.add(owner);
  }

  /**
   * The worker is gone: its jobs are free again as soon as the store can be told. `how` it died by itself; undefined:
   * it was stopped.
   */
  release(owner: string, how: string | undefined): void {
    this.#owners.delete(owner);
    const releasing = this.#release(owner, how);
    this.#releases.add(releasing);
    void releasing.finally(() => this.#releases.delete(releasing));
  }

  /** Why jobs may stand still; undefined when all is well. */
  complaint(): string | undefined {
    const [trouble] = this.#troubles.values();
    return trouble;
  }

  /** Ends the duties; dead workers' jobs are released first, within the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    await Promise.race([Promise.all(this.#releases), Bun.sleep(deadlineMs)]);
    this.#stopped.abort();
  }

  async #release(owner: string, how: string | undefined): Promise<void> {
    // Counted before any is released: what a first try may have freed counts, too.
    let held = 0;
    const ended = async (): Promise<WorkerEnd> => {
      if (how === undefined) return { kind: "stopped" };
      held ||= await this.#store.leases.held(this.#queues, owner);
      return { kind: "died", alone: held === 1, how: how.slice(0, HOW_CHARS_MAX) };
    };
    let done = false;
    while (!done && !this.#stopped.signal.aborted) done = await this.#releaseOnce(owner, ended);
    if (how !== undefined) this.#onSuspects();
    // It never saw these.
    const unseen = async (): Promise<WorkerEnd> => ({ kind: "stopped" });
    setTimeout(() => void this.#releaseOnce(owner, unseen), SECOND_LOOK_MS).unref();
  }

  async #releaseOnce(owner: string, ended: () => Promise<WorkerEnd>): Promise<boolean> {
    if (this.#stopped.signal.aborted) return false;
    const done = await this.#attempt("release", async () => {
      const end = await ended();
      const jobs = await this.#store.leases.release(this.#queues, owner, end);
      if (jobs > 0 && end.kind === "died") log.warn({ jobs }, `a worker died: ${freed(jobs, end.alone)}`);
      else if (jobs > 0) log.info({ jobs }, "what a worker had goes back to its queue");
      return 0;
    });
    if (done === undefined) await sleep(RETRY_MS, this.#stopped.signal);
    return done !== undefined;
  }

  async #again(duty: Duty, work: () => Promise<number>): Promise<void> {
    while (!this.#stopped.signal.aborted)
      await sleep((await this.#attempt(duty, work)) ?? RETRY_MS, this.#stopped.signal);
  }

  /** Undefined when the store refused. */
  async #attempt(duty: Duty, work: () => Promise<number>): Promise<number | undefined> {
    try {
      const result = await work();
      if (this.#troubles.delete(duty) && this.#troubles.size === 0) log.info("the store answers again");
      return result;
    } catch (error) {
      if (this.#stopped.signal.aborted) return undefined;
      if (this.#troubles.size === 0) log.warn(`the store does not do its part: ${sentenceOf(error)}`);
      this.#troubles.set(duty, sentenceOf(error));
      return undefined;
    }
  }
}

function freed(jobs: number, alone: boolean): string {
  return alone
    ? "the one job it had is tried again alone"
    : jobs > 1
      ? "its jobs run again, each alone"
      : "its job runs again alone";
}
