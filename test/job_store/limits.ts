/** Limits of a key or of the queue. */
import { expect, test } from "bun:test";
import type { ClaimedJob } from "../../shared/store/jobs/job.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { clientsOf, PATIENCE_MS, STOPPED } from "./clients.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

export function limits(store: StoreUnderTest): void {
  const { open, job, claim, claimSoon, settle, counts } = clientsOf(store);

  test("a limit of a key holds back the others of it, and lets go one for each that leaves", async () => {
    const { client, queue } = open();
    const limited = (key: string) => job({ limit: { key, concurrency: 2 } });
    await client.enqueue([limited("a"), limited("a"), limited("a"), limited("a"), limited("b"), job()]);
    const first = await claim(client);
    expect(first.map(({ limit }) => limit?.key)).toEqual(["a", "a", "b", undefined]);
    expect(await counts(client)).toMatchObject({ waiting: 2, running: 4 });
    expect(await claim(client)).toEqual([]);
    await settle(client, first.slice(0, 1), { kind: "ack" });
    const [third, ...none] = await claimSoon(client);
    expect([third?.limit?.key, none.length]).toEqual(["a", 0]);
    // However it leaves: retried, then dead, then with its worker.
    await settle(client, third ? [third] : [], { kind: "retry", delayMs: 3_600_000, error: "x" });
    expect((await claimSoon(client)).length).toBe(1);
    await client.enqueue([limited("a")]);
    expect(await claim(client)).toEqual([]);
    await client.leases.release([queue], "a", STOPPED);
    const last: ClaimedJob[] = [];
    while (last.length < 4) last.push(...(await claimSoon(client)));
    expect(last.filter(({ limit }) => limit?.key === "a").length).toBe(2);
    await settle(client, last, { kind: "ack" });
    expect((await claimSoon(client)).length).toBe(1);
    expect(await counts(client)).toMatchObject({ waiting: 0, delayed: 1, running: 1 });
  });

  test("a limit of the queue is one over all of it, in the order of lanes", async () => {
    const { client, queue } = open();
    await client.setRules(queue, { concurrency: 1 });
    await client.enqueue([
      job(),
      job({ lane: "low" }),
      job(),
      job({ lane: "high", limit: { key: "k", concurrency: 1 } }),
    ]);
    const lanes: string[] = [];
    for (let i = 0; i < 4; i++) {
      const jobs = await claimSoon(client);
      expect(jobs.length).toBe(1);
      expect(await claim(client)).toEqual([]);
      lanes.push(...jobs.map(({ lane }) => lane));
      await settle(client, jobs, { kind: "ack" });
    }
    expect(lanes).toEqual(["high", "normal", "normal", "low"]);
    await client.enqueue([job(), job(), job()]);
    expect((await claim(client)).length).toBe(1);
    await client.setRules(queue, { concurrency: 0 });
    await client.leases.release([queue], "a", STOPPED);
    const rest: ClaimedJob[] = [];
    while (rest.length < 3) rest.push(...(await claimSoon(client)));
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 3 });
  });

  test("a rate lets so many begin in any stretch of its time", async () => {
    const { client } = open();
    const slow = { jobs: 4, per: "1h" };
    await client.enqueue(Array.from({ length: 5 }, () => job({ limit: { key: "slow", rate: slow } })));
    const first = await claim(client);
    expect(first.length).toBe(4);
    expect(await claim(client)).toEqual([]);
    await settle(client, first, { kind: "ack" });
    const rate = { jobs: 4, per: 400 };
    const startMs = performance.now();
    await client.enqueue(Array.from({ length: 8 }, () => job({ limit: { key: "r", rate } })));
    expect((await claim(client, { max: 4 })).length).toBe(4);
    const beganMs: number[] = [];
    while (beganMs.length < 4 && performance.now() - startMs < PATIENCE_MS) {
      for (const one of await claimSoon(client)) {
        beganMs.push(performance.now() - startMs);
        await settle(client, [one], { kind: "ack" });
      }
    }
    // Each gives its place back when it lies so far behind; the two clocks are apart by a millisecond or two.
    for (const atMs of beganMs) expect(atMs).toBeGreaterThan(395);
    // Of those by the hour.
    expect(await counts(client)).toMatchObject({ waiting: 1 });
  });

  test("a job that is put back unbegun has used up nothing: no place, no rate, no lock", async () => {
    const { client, queue } = open();
    await client.setRules(queue, { rate: { jobs: 1, perMs: 3_600_000 } });
    const limit = { key: "k", concurrency: 1, rate: { jobs: 1, per: "1h" } };
    const [unknown, other] = [job({ limit, unique: { key: "u", until: "start" } }), job({ limit })];
    await client.enqueue([unknown]);
    const outcome = { kind: "defer", delayMs: 3_600_000, error: "x", history: [], begun: false } as const;
    expect(await settle(client, await claim(client), outcome)).toEqual([true]);
    const again = job({ unique: { key: "u", until: "start" } });
    expect(await client.enqueue([other, again])).toEqual([other.id, unknown.id]);
    const next = await claimSoon(client);
    expect(next.map(({ id }) => id)).toEqual([other.id]);
    // One that began and wants to be called later has.
    await settle(client, next, { ...outcome, begun: true });
    await client.enqueue([job({ limit })]);
    await client.leases.promote([queue], 10);
    expect(await claim(client)).toEqual([]);
    expect(await counts(client)).toMatchObject({ waiting: 1, delayed: 2 });
  });

  test("many limited jobs at once all run, never more at a time than may", async () => {
    const [{ client: one, queue }, { client: two }] = [open(), open()];
    const limited = (i: number) => job({ limit: { key: `k${i % 3}`, concurrency: 2 } });
    await one.enqueue(Array.from({ length: 60 }, (_, i) => limited(i)));
    const running = new Map<string, number>();
    let [done, most] = [0, 0];
    const work = async (client: JobStore, owner: string) => {
      while (done < 60) {
        await client.leases.promote([queue], 10);
        const jobs = await claim(client, { owner, max: 4, waitMs: 20 });
        for (const { limit } of jobs) running.set(limit?.key ?? "", (running.get(limit?.key ?? "") ?? 0) + 1);
        most = Math.max(most, ...running.values());
        await Bun.sleep(1);
        // Before the store hears of it: it may let the next one go at once.
        for (const { limit } of jobs) running.set(limit?.key ?? "", (running.get(limit?.key ?? "") ?? 0) - 1);
        await settle(client, jobs, { kind: "ack" }, owner);
        done += jobs.length;
      }
    };
    await Promise.all([work(one, "a"), work(two, "b")]);
    expect(most).toBe(2);
    expect(await counts(one)).toMatchObject({ waiting: 0, running: 0 });
  }, 120_000);
}
