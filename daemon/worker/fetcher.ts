import { log } from "../../shared/log.ts";
import type { Counter } from "../../shared/metrics.ts";
import type { Claim } from "../../shared/store/jobs/job.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { sentenceOf } from "../../shared/user_error.ts";
import { type QueueShare, QueueTurns } from "./queue_turns.ts";

const RETRY_MS = 50;
const RETRY_LONGEST_MS = 2_000;

export interface FetchSpec {
  owner: string;
  queues: readonly QueueShare[];
  /** Jobs fetched at a time. */
  batch: number;
  /** How long a fetch waits for a job. */
  blockMs: number;
  /** Only jobs that must run alone. */
  alone: boolean;
}

/** Who does the fetched jobs. */
export interface Taker {
  readonly free: number;
  jobEnded(): Promise<void>;
  take(claim: Claim): void;
}

/** Brings jobs from the store to the processor: never more at a time than there are free slots. */
export class Fetcher {
  readonly #store: JobStore;
  readonly #spec: FetchSpec;
  readonly #taker: Taker;
  readonly #fetched: Pick<Counter, "value">;
  readonly #turns: QueueTurns;
  #isQuiet = false;
  /** Ends the wait that is under way, if there is one. */
  #wake: () => void = () => undefined;
  /** Of the claims under way. */
  #round = new AbortController();
  #running: Promise<void> | undefined;
  #failures = 0;

  constructor(store: JobStore, spec: FetchSpec, taker: Taker, fetched: Pick<Counter, "value">) {
    this.#store = store;
    this.#fetched = fetched;
    this.#spec = spec;
    this.#taker = taker;
    this.#turns = new QueueTurns(spec.queues);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Takes nothing new; resolves when nothing is on its way any more. */
  async quiet(): Promise<void> {
    this.#isQuiet = true;
    this.#wake();
    this.#round.abort();
    await this.#running;
  }

  /** Gives up the claims under way and makes new ones: a connection that has gone silent is replaced. */
  refetch(): void {
    this.#round.abort();
  }

  async #run(): Promise<void> {
    while (!this.#isQuiet) {
      const { free } = this.#taker;
      if (free === 0) {
        await this.#unlessQuiet(this.#taker.jobEnded());
        continue;
      }
      if (this.#round.signal.aborted) this.#round = new AbortController();
      try {
        for (const claim of await this.#fetch(Math.min(free, this.#spec.batch))) this.#take(claim);
        this.#recovered();
      } catch (error) {
        await this.#unlessQuiet(this.#failed(error));
      }
    }
  }

  /** No Promise.race: each would leave something behind with a promise that lives as long as we do. */
  #unlessQuiet(wait: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#wake = resolve;
      wait.then(resolve, reject);
    });
  }

  /** One claim when there is one queue; else first what is there, queue by queue by weight, then whichever comes. */
  async #fetch(max: number): Promise<Claim[]> {
    const { queues, blockMs } = this.#spec;
    const { signal } = this.#round;
    const [only] = queues;
    if (queues.length === 1 && only) return [await this.#claim(only.name, max, blockMs, signal)];
    for (const queue of this.#turns.next()) {
      const claim = await this.#claim(queue, max, 0, signal);
      if (!isEmpty(claim)) return [claim];
    }
    return this.#waitForAny(max, signal);
  }

  /** The first claim that gets something ends the others. Each asks for its share, so that all together fit. */
  async #waitForAny(max: number, ended: AbortSignal): Promise<Claim[]> {
    const { queues, blockMs } = this.#spec;
    const share = Math.max(1, Math.floor(max / queues.length));
    const found = new AbortController();
    const signal = AbortSignal.any([ended, found.signal]);
    const waits = await Promise.allSettled(
      queues.map(async ({ name }) => {
        try {
          const claim = await this.#claim(name, share, blockMs, signal);
          if (!isEmpty(claim)) found.abort();
          return claim;
        } catch (error) {
          found.abort();
          throw error;
        }
      }),
    );
    const claims = waits.flatMap((wait) => (wait.status === "fulfilled" ? [wait.value] : []));
    const failed = waits.find((wait) => wait.status === "rejected");
    if (failed && claims.every(isEmpty)) throw failed.reason;
    return claims;
  }

  #claim(queue: string, max: number, waitMs: number, signal: AbortSignal): Promise<Claim> {
    const { owner, alone } = this.#spec;
    return this.#store.claim(queue, owner, max, waitMs, signal, alone);
  }

  #take(claim: Claim): void {
    this.#fetched.value += claim.jobs.length + claim.broken.length;
    this.#taker.take(claim);
  }

  #recovered(): void {
    if (this.#failures > 0) log.info("fetching jobs again");
    this.#failures = 0;
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#failures++ === 0) log.warn(`can't fetch jobs: ${sentenceOf(error)}`);
    const delayMs = Math.min(RETRY_LONGEST_MS, RETRY_MS * 2 ** Math.min(this.#failures, 10));
    await Bun.sleep(delayMs * (0.5 + Math.random() / 2));
  }
}

function isEmpty({ jobs, broken }: Claim): boolean {
  return jobs.length + broken.length === 0;
}
