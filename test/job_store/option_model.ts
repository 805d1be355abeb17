/** Random schedules with options, crashes and clock steps, against a model: nothing lost, nothing twice, no limit broken. */
import { expect } from "bun:test";
import fc from "fast-check";
import type { Outcome } from "../../shared/store/jobs/job.ts";
import { STALLS_MAX } from "../../shared/store/jobs/job.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { LANES } from "../../shared/store/jobs/lane.ts";
import { type EnqueueOptions, newJob } from "../../shared/store/jobs/new_job.ts";
import { DIED, DIED_ALONE } from "./clients.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

const HOUR_MS = 3_600_000;
/** Locks last a day of the store's clock. */
const HOURS_MAX = 20;
const OWNERS = ["a", "b", "c"] as const;
const LIMIT_OF_KEY: Readonly<Record<string, number>> = { k1: 1, k2: 2 };
/** Then no further schedule is tried, nor a shorter one sought: far below the test's own limit. */
const TIME_MAX_MS = 15_000;
const { signal } = new AbortController();

interface Tracked {
  place: "queued" | "held" | "dead" | "ended";
  dueHour: number;
  attempt: number;
  stalls: number;
  alone: boolean;
  owner: string;
  fence: string;
  options: EnqueueOptions;
}

/** What a job is enqueued with; "" is none. */
interface Wish {
  lane: (typeof LANES)[number];
  delayH: number;
  id: string;
  lock: string;
  key: string;
}

type Step =
  | { kind: "enqueue"; wishes: Wish[] }
  | { kind: "claim"; owner: string; max: number; alone: boolean }
  | { kind: "settle"; pick: number; outcome: Outcome }
  | { kind: "crash"; owner: string }
  | { kind: "cancel"; pick: number }
  | { kind: "pause"; paused: boolean }
  | { kind: "clock"; hours: number }
  | { kind: "replay" };

const wish: fc.Arbitrary<Wish> = fc.record({
  lane: fc.constantFrom(...LANES),
  delayH: fc.constantFrom(0, 0, 0, 1, 2),
  id: fc.constantFrom("", "", "", "i1", "i2", "i3"),
  lock: fc.constantFrom("", "", "", "u1", "u2"),
  key: fc.constantFrom("", "", "k1", "k2"),
});
const outcome: fc.Arbitrary<Outcome> = fc.constantFrom<Outcome[]>(
  { kind: "ack" },
  { kind: "release" },
  { kind: "retry", delayMs: 0, error: "x" },
  { kind: "retry", delayMs: HOUR_MS, error: "x" },
  { kind: "defer", delayMs: HOUR_MS, error: "x", history: [], begun: false },
  { kind: "dead", reason: "exhausted", error: "x" },
  { kind: "cancelled" },
);
const owner = fc.constantFrom(...OWNERS);
const pick = fc.nat(1000);
const claim = fc.record({
  kind: fc.constant("claim" as const),
  owner,
  max: fc.integer({ min: 1, max: 5 }),
  alone: fc.constantFrom(false, false, true),
});
const settle = fc.record({ kind: fc.constant("settle" as const), pick, outcome });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("enqueue" as const),
    wishes: fc.array(wish, { minLength: 1, maxLength: 4 }),
  }),
  claim,
  claim,
  settle,
  settle,
  fc.record({ kind: fc.constant("crash" as const), owner }),
  fc.record({ kind: fc.constant("cancel" as const), pick }),
  fc.record({ kind: fc.constant("pause" as const), paused: fc.boolean() }),
  fc.record({ kind: fc.constant("clock" as const), hours: fc.constantFrom(1, 1, 2, -1) }),
  fc.record({ kind: fc.constant("replay" as const) }),
);

type Clock = Pick<StoreUnderTest, "setClock" | "nowMs">;

/** Throws with a schedule that fails, the shortest that was found in time. */
export async function checkOptionsAgainstModel(
  open: () => JobStore,
  freshQueue: () => string,
  clock: Clock,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60, size: "max" }), async (steps) => {
      const run = new OptionModelRun(open(), freshQueue(), clock);
      try {
        for (const one of steps) await run.take(one);
        await run.drain();
      } finally {
        await run.resetClock();
      }
    }),
    { numRuns: 25, interruptAfterTimeLimit: TIME_MAX_MS },
  );
}

class OptionModelRun {
  readonly #store: JobStore;
  readonly #queue: string;
  readonly #clock: Clock;
  readonly #jobs = new Map<string, Tracked>();
  readonly #locks = new Map<string, string>();
  #paused = false;
  #hour = 0;
  /** A job that was due once stays so when the clock is set back. */
  #latestHour = 0;

  constructor(store: JobStore, queue: string, clock: Clock) {
    this.#store = store;
    this.#queue = queue;
    this.#clock = clock;
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case "enqueue":
        return this.#enqueue(one.wishes);
      case "claim":
        await this.#store.leases.promote([this.#queue], 10);
        return void (await this.#claim(one.owner, one.max, one.alone));
      case "settle":
        return this.#settle(one.pick, one.outcome);
      case "crash":
        return this.#crash(one.owner);
      case "cancel":
        return this.#cancel(one.pick);
      case "pause":
        this.#paused = one.paused;
        return this.#store.setRules(this.#queue, { paused: one.paused });
      case "clock":
        return this.#step(one.hours);
      case "replay":
        return this.#replay();
    }
  }

  /** In the end everything that is left runs, each once. */
  async drain(): Promise<void> {
    this.#paused = false;
    await this.#store.setRules(this.#queue, { paused: false });
    for (const name of OWNERS) await this.#crash(name);
    await this.#step(HOURS_MAX);
    await this.#step(HOURS_MAX);
    let idle = 0;
    while (idle < 2) {
      await this.#store.leases.promote([this.#queue], 10);
      const ids = [...(await this.#claim("a", 50, false)), ...(await this.#claim("a", 50, true))];
      idle = ids.length > 0 ? 0 : idle + 1;
      const settlements = ids.map((id) => {
        return {
          queue: this.#queue,
          fence: this.#jobs.get(id)?.fence ?? "",
          outcome: { kind: "ack" as const },
        };
      });
      expect(await this.#store.settle("a", settlements)).toEqual(ids.map(() => true));
      for (const id of ids) this.#end(id, "ended");
    }
    const left = [...this.#jobs].flatMap(([id, { place }]) =>
      place === "queued" || place === "held" ? [id] : [],
    );
    expect(left).toEqual([]);
    const dead = [...this.#jobs.values()].filter(({ place }) => place === "dead").length;
    const [counts] = await this.#store.counts([this.#queue]);
    expect(counts).toMatchObject({ waiting: 0, delayed: 0, running: 0, dead });
  }

  async resetClock(): Promise<void> {
    await this.#set(-this.#hour);
  }

  /** The duties notice within half a second: nothing is asked of the store in between. */
  async #set(byHours: number): Promise<void> {
    await this.#clock.setClock(this.#queue, byHours * HOUR_MS);
    await this.#store.leases.promote([this.#queue], 10);
  }

  async #enqueue(wishes: readonly Wish[]): Promise<void> {
    const jobs = wishes.map(({ lane, delayH, id, lock, key }) => {
      const options: EnqueueOptions = {
        ...{ queue: this.#queue, lane },
        ...(delayH > 0 && { delay: delayH * HOUR_MS }),
        ...(id && { id: `${this.#queue}-${id}` }),
        ...(lock && { unique: { key: lock } }),
        ...(key && { limit: { key, concurrency: LIMIT_OF_KEY[key] ?? 1 } }),
      };
      return { job: newJob("x", 1, options, this.#clock.nowMs()), options, delayH };
    });
    const expected = jobs.map(({ job, options, delayH }) => {
      const lock = job.unique?.key;
      const there = options.id && this.#jobs.has(job.id) ? job.id : undefined;
      const other = lock === undefined ? undefined : this.#locks.get(lock);
      if (there !== undefined || (other !== undefined && other !== job.id)) return there ?? other ?? "";
      if (lock !== undefined) this.#locks.set(lock, job.id);
      const dueHour = this.#hour + delayH;
      const fresh = { place: "queued" as const, attempt: 1, stalls: 0, alone: false, owner: "", fence: "" };
      this.#jobs.set(job.id, { ...fresh, dueHour, options });
      return job.id;
    });
    const given = await this.#store.enqueue(jobs.map(({ job }) => job));
    // One that is there by its id and by another's lock is either's.
    for (const [i, id] of given.entries())
      if (!(jobs[i]?.options.id && jobs[i]?.options.unique)) expect(id).toBe(expected[i] ?? "");
  }

  async #claim(name: string, max: number, alone: boolean): Promise<string[]> {
    const { jobs } = await this.#store.claim(this.#queue, name, max, 0, signal, alone);
    expect(jobs.length).toBeLessThanOrEqual(this.#paused ? 0 : max);
    for (const { id, fence, attempt, lane } of jobs) {
      const job = this.#jobs.get(id);
      expect(job).toMatchObject({ place: "queued", attempt, alone, options: { lane } });
      expect(job?.dueHour).toBeLessThanOrEqual(this.#latestHour);
      Object.assign(job ?? {}, { place: "held", owner: name, fence });
    }
    for (const [key, limit] of Object.entries(LIMIT_OF_KEY)) {
      const running = [...this.#jobs.values()].filter(
        ({ place, options }) => place === "held" && options.limit?.key === key,
      );
      expect(running.length).toBeLessThanOrEqual(limit);
    }
    // What nothing holds back is never left over.
    if (jobs.length === 0 && !this.#paused) {
      const free = [...this.#jobs.values()].filter(
        (job) =>
          job.place === "queued" && job.alone === alone && job.dueHour <= this.#hour && !job.options.limit,
      );
      expect(free).toEqual([]);
    }
    return jobs.map(({ id }) => id);
  }

  async #settle(at: number, outcome: Outcome): Promise<void> {
    const held = [...this.#jobs].filter(([, { place }]) => place === "held");
    const [id, job] = held[at % Math.max(1, held.length)] ?? [];
    if (id === undefined || !job) return;
    const settlement = { queue: this.#queue, fence: job.fence, outcome };
    expect(await this.#store.settle(job.owner, [settlement])).toEqual([true]);
    // Again, as after a lost answer.
    expect(await this.#store.settle(job.owner, [settlement])).toEqual([false]);
    if (outcome.kind === "ack" || outcome.kind === "cancelled") this.#end(id, "ended");
    if (outcome.kind === "dead") this.#end(id, "dead");
    if (outcome.kind === "release") job.place = "queued";
    if (outcome.kind !== "retry" && outcome.kind !== "defer") return;
    Object.assign(job, { place: "queued", attempt: job.attempt + (outcome.kind === "retry" ? 1 : 0) });
    if (outcome.kind === "retry" || outcome.begun) job.alone = false;
    job.dueHour = outcome.delayMs > 0 ? this.#hour + 1 : job.dueHour;
  }

  async #crash(name: string): Promise<void> {
    const held = [...this.#jobs].filter(([, job]) => job.place === "held" && job.owner === name);
    const end = held.length === 1 ? DIED_ALONE : DIED;
    expect(await this.#store.leases.release([this.#queue], name, end)).toBe(held.length);
    for (const [id, job] of held) {
      job.alone = true;
      if (held.length === 1) job.stalls++;
      if (job.stalls >= STALLS_MAX) this.#end(id, "dead");
      else job.place = "queued";
    }
  }

  async #cancel(at: number): Promise<void> {
    const recorded = [...this.#jobs].filter(([, { options }]) => options.id !== undefined);
    const [id, job] = recorded[at % Math.max(1, recorded.length)] ?? [];
    if (id === undefined || !job) return;
    const living = job.place === "queued" || job.place === "held";
    expect(await this.#store.records.cancel(id)).toBe(living);
    if (job.place === "queued") this.#end(id, "ended");
  }

  async #step(hours: number): Promise<void> {
    const bounded = Math.max(0, this.#hour + hours) - this.#hour;
    this.#hour += bounded;
    this.#latestHour = Math.max(this.#latestHour, this.#hour);
    await this.#set(bounded);
  }

  async #replay(): Promise<void> {
    const dead = [...this.#jobs].filter(([, { place }]) => place === "dead");
    expect(await this.#store.replay(this.#queue)).toBe(dead.length);
    for (const [id, job] of dead) {
      Object.assign(job, { place: "queued", attempt: 1, stalls: 0, alone: false, dueHour: this.#hour });
      const lock = this.#lockOf(job);
      if (lock !== undefined && !this.#locks.has(lock)) this.#locks.set(lock, id);
    }
  }

  #end(id: string, place: "dead" | "ended"): void {
    const job = this.#jobs.get(id);
    if (!job) return;
    job.place = place;
    const lock = this.#lockOf(job);
    if (lock !== undefined && this.#locks.get(lock) === id) this.#locks.delete(lock);
  }

  #lockOf({ options: { unique } }: Tracked): string | undefined {
    return typeof unique === "object" && unique.key ? `x:${unique.key}` : undefined;
  }
}
