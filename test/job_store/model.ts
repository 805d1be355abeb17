/** Random schedules of operations on a store, against a model that knows where every job must be. */
import { expect } from "bun:test";
import fc from "fast-check";
import { type Outcome, STALLS_MAX } from "../../shared/store/jobs/job.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { newJob } from "../../shared/store/jobs/new_job.ts";
import { DIED, DIED_ALONE, STOPPED } from "./clients.ts";

/** Then no further schedule is tried, nor a shorter one sought: far below the test's own limit. */
const TIME_MAX_MS = 15_000;

interface Tracked {
  place: "waiting" | "held" | "delayed" | "dead" | "gone";
  owner: string;
  fence: string;
  attempt: number;
  stalls: number;
  alone: boolean;
}

type Step =
  | { kind: "enqueue"; jobs: number }
  | { kind: "claim"; owner: string; max: number; alone: boolean }
  | { kind: "settle"; owner: string; pick: number; outcome: Outcome }
  | { kind: "release"; owner: string; died: boolean }
  | { kind: "replay" };

const owner = fc.constantFrom("a", "b", "c");
const outcome: fc.Arbitrary<Outcome> = fc.constantFrom<Outcome[]>(
  { kind: "ack" },
  { kind: "release" },
  { kind: "retry", delayMs: 0, error: "x" },
  { kind: "retry", delayMs: 3_600_000, error: "x" },
  { kind: "defer", delayMs: 0, error: "x", history: [], begun: false },
  { kind: "dead", reason: "exhausted", error: "x" },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("enqueue" as const), jobs: fc.integer({ min: 1, max: 5 }) }),
  fc.record({
    kind: fc.constant("claim" as const),
    owner,
    max: fc.integer({ min: 1, max: 6 }),
    alone: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("settle" as const), owner, pick: fc.nat(1000), outcome }),
  fc.record({ kind: fc.constant("settle" as const), owner, pick: fc.nat(1000), outcome }),
  fc.record({ kind: fc.constant("release" as const), owner, died: fc.boolean() }),
  fc.record({ kind: fc.constant("replay" as const) }),
);

/** Throws with a schedule that fails, the shortest that was found in time. */
export async function checkAgainstModel(open: () => JobStore, freshQueue: () => string): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60, size: "max" }), async (steps) => {
      const run = new ModelRun(open(), freshQueue());
      for (const one of steps) await run.take(one);
      await run.compare();
    }),
    { numRuns: 40, interruptAfterTimeLimit: TIME_MAX_MS },
  );
}

class ModelRun {
  readonly #store: JobStore;
  readonly #queue: string;
  readonly #jobs = new Map<string, Tracked>();
  /** Every lease ever given, most of them long lost. */
  readonly #leases: { id: string; owner: string; fence: string }[] = [];

  constructor(store: JobStore, queue: string) {
    this.#store = store;
    this.#queue = queue;
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case "enqueue":
        return this.#enqueue(one.jobs);
      case "claim":
        return this.#claim(one.owner, one.max, one.alone);
      case "settle":
        return this.#settle(one.owner, one.pick, one.outcome);
      case "release":
        return this.#release(one.owner, one.died);
      case "replay":
        return this.#replay();
    }
  }

  async compare(): Promise<void> {
    const [counts] = await this.#store.counts([this.#queue]);
    const at = (place: Tracked["place"]) => this.#at(place).length;
    const { waiting, delayed, running, dead } = counts ?? {};
    expect({ waiting, delayed, running, dead }).toEqual({
      waiting: at("waiting"),
      delayed: at("delayed"),
      running: at("held"),
      dead: at("dead"),
    });
  }

  #at(place: Tracked["place"]): Tracked[] {
    return [...this.#jobs.values()].filter((job) => job.place === place);
  }

  async #enqueue(n: number): Promise<void> {
    const jobs = Array.from({ length: n }, () => newJob("x", 1, { queue: this.#queue }));
    await this.#store.enqueue(jobs);
    for (const { id } of jobs) {
      this.#jobs.set(id, { place: "waiting", owner: "", fence: "", attempt: 1, stalls: 0, alone: false });
    }
  }

  async #claim(owner: string, max: number, alone: boolean): Promise<void> {
    const expected = Math.min(max, this.#at("waiting").filter((job) => job.alone === alone).length);
    const { signal } = new AbortController();
    const { jobs } = await this.#store.claim(this.#queue, owner, max, 0, signal, alone);
    expect(jobs.length).toBe(expected);
    for (const { id, fence, attempt } of jobs) {
      const job = this.#jobs.get(id);
      expect(job).toMatchObject({ place: "waiting", attempt, alone });
      Object.assign(job ?? {}, { place: "held", owner, fence });
      this.#leases.push({ id, owner, fence });
    }
  }

  async #settle(owner: string, pick: number, outcome: Outcome): Promise<void> {
    const lease = this.#leases[pick % Math.max(1, this.#leases.length)];
    if (!lease) return;
    const job = this.#jobs.get(lease.id);
    const holds = job?.place === "held" && job.owner === owner && job.fence === lease.fence;
    const applied = await this.#store.settle(owner, [{ queue: this.#queue, fence: lease.fence, outcome }]);
    expect(applied).toEqual([holds]);
    if (!job || !holds) return;
    if (outcome.kind === "ack") job.place = "gone";
    if (outcome.kind === "release" || outcome.kind === "defer") job.place = "waiting";
    if (outcome.kind === "dead") job.place = "dead";
    if (outcome.kind === "retry") {
      job.place = outcome.delayMs > 0 ? "delayed" : "waiting";
      job.attempt++;
      job.alone = false;
    }
  }

  async #release(owner: string, died: boolean): Promise<void> {
    const held = this.#at("held").filter((job) => job.owner === owner);
    const count = await this.#store.leases.held([this.#queue], owner);
    const end = died ? (count === 1 ? DIED_ALONE : DIED) : STOPPED;
    expect(await this.#store.leases.release([this.#queue], owner, end)).toBe(held.length);
    for (const job of held) {
      if (died) job.alone = true;
      if (died && held.length === 1) job.stalls++;
      job.place = job.stalls >= STALLS_MAX ? "dead" : "waiting";
    }
  }

  async #replay(): Promise<void> {
    const dead = this.#at("dead");
    expect(await this.#store.replay(this.#queue)).toBe(dead.length);
    for (const job of dead) Object.assign(job, { place: "waiting", attempt: 1, stalls: 0, alone: false });
  }
}
