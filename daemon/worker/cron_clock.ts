import type { CronConfig } from "../../shared/config/schema.ts";
import { log } from "../../shared/log.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { newJob } from "../../shared/store/jobs/new_job.ts";
import { sentenceOf } from "../../shared/user_error.ts";
import { type CronDefaults, optionsOf } from "./cron_defaults.ts";
import { chosenSlots, slotsBetween, untilNextSlot } from "./cron_slots.ts";

/** The clock may be set: it is looked at again after this. */
const LOOK_LONGEST_MS = 30_000;
const RETRY_MS = 1_000;
/** A slot is late by this much at least, so that clocks which differ a little agree that it is due. */
const LATE_MS = 5;

/**
 * Enqueues jobs by the clock. Every supervisor ticks; that each slot is enqueued once is the store's doing: the job's
 * id is made of name and slot, and the store remembers the last slot of each name.
 */
export class CronClock {
  readonly #store: Pick<JobStore, "enqueue" | "crons">;
  readonly #nowMs: () => number;
  #crons: readonly CronConfig[] = [];
  #defaults: CronDefaults = {};
  /** How far each was looked after; a name that is not there is asked for. */
  #lookedMs = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #trouble: string | undefined;
  #stopped = false;

  constructor(store: Pick<JobStore, "enqueue" | "crons">, nowMs: () => number = Date.now) {
    this.#store = store;
    this.#nowMs = nowMs;
  }

  /** Instead of those before. */
  use(crons: readonly CronConfig[]): void {
    this.#crons = crons;
    this.#lookedMs = new Map();
    clearTimeout(this.#timer);
    if (crons.length > 0 && !this.#stopped) void this.#run();
  }

  /** What handlers say for the jobs of each, instead of what was said before. */
  learn(defaults: CronDefaults): void {
    this.#defaults = defaults;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Why jobs may be missing; undefined when all is well. */
  complaint(): string | undefined {
    return this.#trouble;
  }

  /** Enqueues what is due now. Rejects with a StoreError. */
  async tick(): Promise<void> {
    for (const cron of this.#crons) await this.#enqueueDue(cron, this.#nowMs());
  }

  async #run(): Promise<void> {
    const crons = this.#crons;
    try {
      await this.tick();
      this.#trouble = undefined;
    } catch (error) {
      if (this.#trouble === undefined) log.warn(`cron can't enqueue: ${sentenceOf(error)}`);
      this.#trouble = sentenceOf(error);
    }
    if (this.#stopped || crons !== this.#crons) return;
    this.#timer = setTimeout(() => void this.#run(), this.#trouble ? RETRY_MS : this.#untilNextMs());
  }

  async #enqueueDue(cron: CronConfig, nowMs: number): Promise<void> {
    const looked = this.#lookedMs.get(cron.name);
    if (looked !== undefined && slotsBetween(cron, looked, nowMs).length === 0) return;
    const lastMs = await this.#store.crons.last(cron.name);
    if (lastMs === undefined) {
      // Seen for the first time: it begins now.
      await this.#store.crons.done(cron.name, nowMs);
    } else {
      const due = slotsBetween(cron, lastMs, nowMs);
      const jobs = chosenSlots(due, cron.catch_up, nowMs).map((slotMs) => {
        const id = `cron:${cron.name}:${new Date(slotMs).toISOString().replace(".000Z", "Z")}`;
        return newJob(cron.type, cron.payload, { ...optionsOf(this.#defaults[cron.name], cron.queue), id });
      });
      if (jobs.length > 0) await this.#store.enqueue(jobs);
      // Afterwards: a tick that dies in between is done again by another one, to no effect.
      const [latestMs] = due.slice(-1);
      if (latestMs !== undefined) await this.#store.crons.done(cron.name, latestMs);
    }
    this.#lookedMs.set(cron.name, Math.max(nowMs, lastMs ?? 0));
  }

  #untilNextMs(): number {
    const nowMs = this.#nowMs();
    const waits = this.#crons.map((cron) => untilNextSlot(cron, nowMs) ?? LOOK_LONGEST_MS);
    return Math.min(LOOK_LONGEST_MS, ...waits) + LATE_MS;
  }
}
