/** What becomes of a claimed job. */
import { expect, test } from "bun:test";
import { type Outcome, STALLS_MAX } from "../../shared/store/jobs/job.ts";
import { clientsOf, STOPPED } from "./clients.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

export function settling(store: StoreUnderTest): void {
  const { open, job, claim, claimSoon, settle, counts } = clientsOf(store);

  test("an acknowledged job is gone", async () => {
    const { client, queue } = open();
    await client.enqueue([job(), job()]);
    expect(await settle(client, await claim(client), { kind: "ack" })).toEqual([true, true]);
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 0, delayed: 0, dead: 0 });
    expect(await client.leases.release([queue], "a", STOPPED)).toBe(0);
  });

  test("a retry comes back after its delay with the next attempt", async () => {
    const { client } = open();
    await client.enqueue([job()]);
    const jobs = await claim(client);
    const settledAtMs = performance.now();
    await settle(client, jobs, { kind: "retry", delayMs: 150, error: "boom" });
    const [again] = await claimSoon(client);
    expect(performance.now() - settledAtMs).toBeGreaterThan(140);
    expect(again).toMatchObject({ attempt: 2, payload: job().payload });
    expect(await settle(client, again ? [again] : [], { kind: "retry", delayMs: 0, error: "boom" })).toEqual([
      true,
    ]);
    const third = await claimSoon(client);
    expect(third).toMatchObject([{ attempt: 3 }]);
    await settle(client, third, { kind: "retry", delayMs: 3_600_000, error: "boom" });
    expect(await claim(client)).toEqual([]);
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 0, delayed: 1 });
  });

  test("a released job comes back at once and its attempt does not count", async () => {
    const { client } = open();
    await client.enqueue([job()]);
    for (let i = 0; i < STALLS_MAX + 1; i++) {
      const jobs = await claimSoon(client);
      expect(jobs).toMatchObject([{ attempt: 1 }]);
      expect(await settle(client, jobs, { kind: "release" })).toEqual([true]);
    }
  });

  test("a deferred job comes back later, neither its attempt nor a stall counted, others before it", async () => {
    const { client, queue } = open();
    const one = job({ track: true });
    await client.enqueue([one]);
    const history = [{ attempt: 0, atMs: 7, error: "not here" }];
    for (let i = 0; i < STALLS_MAX + 1; i++) {
      const jobs = await claimSoon(client);
      expect(jobs).toMatchObject([{ id: one.id, attempt: 1, history: i === 0 ? [] : history }]);
      const outcome = { kind: "defer", delayMs: 5, error: "not here", history, begun: false } as const;
      expect(await settle(client, jobs, outcome)).toEqual([true]);
      expect(await settle(client, jobs, outcome)).toEqual([false]);
    }
    const jobs = await claimSoon(client);
    const later = { kind: "defer", delayMs: 3_600_000, error: "not here", history, begun: false } as const;
    await settle(client, jobs, later);
    expect(await client.records.get(one.id)).toMatchObject({
      state: "delayed",
      attempt: 0,
      error: "not here",
    });
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 0, delayed: 1 });
    const other = job();
    await client.enqueue([other]);
    expect(await claim(client)).toMatchObject([{ id: other.id }]);
    expect(await client.desk.hurry(queue, [one.id])).toEqual([one.id]);
    expect(await claim(client)).toMatchObject([{ id: one.id, attempt: 1, history }]);
    // A worker's death counts from here on: the job has met none yet.
    expect(await client.leases.release([queue], "a", STOPPED)).toBe(2);
    expect(await counts(client)).toMatchObject({ waiting: 2, dead: 0 });
  });

  test("refuses every settlement of a worker that has lost its lease", async () => {
    const { client, queue } = open();
    await client.enqueue([job()]);
    const stale = await claim(client);
    expect(await client.leases.release([queue], "a", STOPPED)).toBe(1);
    const outcomes: Outcome[] = [
      { kind: "ack" },
      { kind: "release" },
      { kind: "retry", delayMs: 0, error: "x" },
      { kind: "defer", delayMs: 0, error: "x", history: [], begun: true },
      { kind: "dead", reason: "exhausted", error: "x" },
    ];
    for (const outcome of outcomes) expect(await settle(client, stale, outcome)).toEqual([false]);
    const [fresh] = await claim(client, { owner: "b" });
    for (const outcome of outcomes) expect(await settle(client, stale, outcome)).toEqual([false]);
    expect(await settle(client, fresh ? [fresh] : [], { kind: "ack" }, "b")).toEqual([true]);
    expect(await settle(client, fresh ? [fresh] : [], { kind: "ack" }, "b")).toEqual([false]);
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 0, delayed: 0, dead: 0 });
  });

  test("settles a mixed batch, each on its own", async () => {
    const { client, queue } = open();
    await client.enqueue([job(), job(), job(), job()]);
    const jobs = await claim(client);
    await settle(client, jobs.slice(1, 2), { kind: "ack" });
    const outcomes: Outcome[] = [
      { kind: "ack" },
      { kind: "ack" },
      { kind: "retry", delayMs: 3_600_000, error: "x" },
      { kind: "dead", reason: "exhausted", error: "x" },
    ];
    const settlements = jobs.map(({ fence }, i) => ({
      queue,
      fence,
      outcome: outcomes[i] ?? { kind: "ack" as const },
    }));
    expect(await client.settle("a", settlements)).toEqual([true, false, true, true]);
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 0, delayed: 1, dead: 1 });
  });
}
