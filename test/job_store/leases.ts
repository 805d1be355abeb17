/** Leases, and what becomes of the jobs of a worker that is gone. */
import { expect, test } from "bun:test";
import { LOSSES_MAX, NOT_HEARD, STALLS_MAX } from "../../shared/store/jobs/job.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { clientsOf, DIED, DIED_ALONE, idsOf, PATIENCE_MS, STOPPED } from "./clients.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

const LEASE_MS = 300;

export function leases(store: StoreUnderTest): void {
  const { open, job, claim, claimSoon, settle, counts } = clientsOf(store);
  const alone = true;

  /** Until what has a lease has lost it, because nobody renews. */
  async function loseLeases(client: JobStore, queue: string): Promise<number> {
    const endMs = performance.now() + PATIENCE_MS;
    for (let freed = 0; ; await Bun.sleep(LEASE_MS / 6)) {
      freed += await client.leases.reclaim([queue], LEASE_MS);
      if (freed > 0 || performance.now() > endMs) return freed;
    }
  }

  test("renewing keeps a lease; without it another worker gets the job", async () => {
    const { client, queue } = open();
    await client.enqueue([job()]);
    expect((await claim(client)).length).toBe(1);
    for (let beganMs = performance.now(); performance.now() - beganMs < LEASE_MS * 2; ) {
      await Bun.sleep(LEASE_MS / 6);
      const renewedMs = performance.now();
      await client.leases.renew([queue], ["a", "idle"], LEASE_MS);
      const lost = await client.leases.reclaim([queue], LEASE_MS);
      if (performance.now() - renewedMs < LEASE_MS) {
        expect(lost).toBe(0);
      } else if (lost > 0) {
        // We were held up for longer than the lease ourselves: once more, from the start.
        await settle(client, await claim(client), { kind: "release" });
        expect((await claim(client)).length).toBe(1);
        beganMs = performance.now();
      }
    }
    expect(await loseLeases(client, queue)).toBe(1);
    expect(await claim(client, { owner: "b" })).toMatchObject([{ attempt: 1 }]);
  });

  test("a dead owner's jobs are free at once, the others' are not", async () => {
    const { client, queue } = open();
    await client.enqueue([job(), job(), job()]);
    const [first] = await claim(client, { max: 1 });
    expect((await claim(client, { owner: "b", max: 2 })).length).toBe(2);
    expect(await client.leases.held([queue], "b")).toBe(2);
    expect(await client.leases.release([queue], "b", STOPPED)).toBe(2);
    expect(await client.leases.held([queue], "b")).toBe(0);
    expect((await claim(client, { owner: "c" })).length).toBe(2);
    expect(await settle(client, first ? [first] : [], { kind: "ack" })).toEqual([true]);
  });

  test("who has a lease still: neither of a job that was killed or settled, nor of one that another worker has", async () => {
    const { client, queue } = open();
    const jobs = [job(), job({ lane: "high" }), job({ lane: "low", track: true }), job()];
    await client.enqueue(jobs);
    const leases = (await claim(client)).map(({ id, fence }) => ({ id, queue, fence }));
    const holding = async (owner = "a") => {
      const held = await client.holds(owner, leases);
      return leases.flatMap(({ id }, i) => (held[i] ? [id] : [])).toSorted();
    };
    const ids = idsOf(jobs);
    expect(await holding()).toEqual(ids.toSorted());
    expect(await holding("b")).toEqual([]);
    await client.desk.kill(queue, ids.slice(1, 2));
    const acked = leases
      .filter(({ id }) => id === ids[2])
      .map(({ fence }) => ({ queue, fence, outcome: { kind: "ack" as const } }));
    expect(await client.settle("a", acked)).toEqual([true]);
    expect(await holding()).toEqual([ids[0] ?? "", ids[3] ?? ""].toSorted());
    await client.leases.release([queue], "a", STOPPED);
    await claim(client, { owner: "b" });
    expect(await holding()).toEqual([]);
  });

  test("an owner that was stopped: nothing is held against its jobs, however often", async () => {
    const { client, queue } = open();
    await client.enqueue([job()]);
    for (let i = 0; i <= STALLS_MAX; i++) {
      expect(await claim(client, { owner: `a${i}` })).toMatchObject([{ attempt: 1 }]);
      expect(await client.leases.release([queue], `a${i}`, STOPPED)).toBe(1);
    }
    expect(await counts(client)).toMatchObject({ waiting: 1, alone: 0, dead: 0 });
  });

  test("an owner that died with several: each of them runs alone until an attempt ends, and none has stalled", async () => {
    const { client, queue } = open();
    const lanes = ["high", "normal", "low"] as const;
    await client.enqueue(lanes.map((lane) => job({ lane, keep: "1h" })));
    for (let i = 0; i <= STALLS_MAX; i++) {
      const jobs = await claim(client, { owner: `a${i}`, alone: i > 0 });
      expect(jobs.map(({ lane }) => lane).toSorted()).toEqual([...lanes].toSorted());
      expect(await client.leases.release([queue], `a${i}`, DIED)).toBe(3);
      expect(await counts(client)).toMatchObject({ waiting: 3, alone: 3, oldestMs: 0, dead: 0 });
    }
    expect(await claim(client)).toEqual([]);
    const [first, second, third] = await claim(client, { alone });
    expect(await client.records.get(first?.id ?? "")).toMatchObject({ state: "running", attempt: 1 });
    await settle(client, first ? [first] : [], { kind: "ack" });
    await settle(client, second ? [second] : [], { kind: "release" });
    await settle(client, third ? [third] : [], { kind: "retry", delayMs: 0, error: "x" });
    expect(idsOf(await claim(client, { alone }))).toEqual(second ? [second.id] : []);
    expect(await claim(client)).toMatchObject([{ id: third?.id, lane: third?.lane, attempt: 2 }]);
    expect(await client.records.get(first?.id ?? "")).toMatchObject({ state: "done" });
  });

  test("a claim that waits for those that run alone is woken by the next one, the others are not", async () => {
    const { client, queue } = open();
    await client.enqueue([job(), job()]);
    expect((await claim(client)).length).toBe(2);
    const waiting = claim(client, { owner: "solitary", max: 1, waitMs: PATIENCE_MS, alone });
    const shared = claim(client, { owner: "b", waitMs: 500 });
    await client.leases.release([queue], "a", DIED);
    expect((await waiting).length).toBe(1);
    expect(await shared).toEqual([]);
    expect(await client.leases.held([queue], "solitary")).toBe(1);
  });

  test(`a job that was alone when its process died is dead the ${STALLS_MAX}rd time, and says how it died`, async () => {
    const { client, queue } = open();
    const [poison, bystander] = [job(), job()];
    await client.enqueue([poison, bystander]);
    await claim(client);
    await client.leases.release([queue], "a", DIED);
    for (let i = 0; i < STALLS_MAX; i++) {
      // Those behind it have their turn before it comes again.
      const found = await claim(client, { owner: `a${i}`, max: 1, alone });
      if (i === 1) {
        expect(idsOf(found)).toEqual([bystander.id]);
        await settle(client, found, { kind: "ack" }, `a${i}`);
        expect(idsOf(await claim(client, { owner: `a${i}`, max: 1, alone }))).toEqual([poison.id]);
      } else expect(idsOf(found)).toEqual([poison.id]);
      expect(await client.leases.release([queue], `a${i}`, DIED_ALONE)).toBe(1);
    }
    expect(await claim(client, { owner: "b", alone })).toEqual([]);
    expect(await client.dead(queue, 10)).toMatchObject([
      {
        id: poison.id,
        reason: "stalled",
        payload: poison.payload,
        attempt: 0,
        error: expect.stringContaining("ended with code 7"),
      },
    ]);
    // Replayed, it has its chances again, beside others.
    expect(await client.replay(queue)).toBe(1);
    await claim(client, { owner: "b" });
    await client.leases.release([queue], "b", DIED_ALONE);
    expect((await claim(client, { owner: "c", alone })).length).toBe(1);
  });

  test("what came to a dead owner behind the one it died of has not stalled", async () => {
    const { client, queue } = open();
    await client.enqueue([job(), job()]);
    await claim(client);
    expect(await client.leases.release([queue], "a", DIED_ALONE)).toBe(2);
    for (let i = 1; i < STALLS_MAX; i++) {
      expect((await claim(client, { max: 1, alone })).length).toBe(1);
      await client.leases.release([queue], "a", DIED_ALONE);
    }
    expect(await counts(client)).toMatchObject({ waiting: 2, dead: 0 });
  });

  test(`leases that run out ${LOSSES_MAX} times make a job run alone; alone, they are stalls`, async () => {
    const { client, queue } = open();
    const [first, second] = [job(), job()];
    await client.enqueue([first, second]);
    for (let i = 0; i < LOSSES_MAX; i++) {
      expect((await claim(client)).length).toBe(2);
      expect(await loseLeases(client, queue)).toBeGreaterThan(0);
      while ((await counts(client))?.running) await loseLeases(client, queue);
    }
    expect(await counts(client)).toMatchObject({ waiting: 2, alone: 2 });
    const [one] = await claim(client, { max: 1, alone });
    await settle(client, one ? [one] : [], { kind: "retry", delayMs: 0, error: "x" });
    // An attempt has ended: it begins anew.
    expect((await claimSoon(client)).length).toBe(1);
    await loseLeases(client, queue);
    expect(await counts(client)).toMatchObject({ waiting: 2, alone: 1 });
    for (let i = 0; i < STALLS_MAX; i++) {
      expect((await claim(client, { alone })).length).toBe(1);
      await loseLeases(client, queue);
    }
    expect(await client.dead(queue, 10)).toMatchObject([
      { reason: "stalled", error: expect.stringContaining(NOT_HEARD) },
    ]);
  });

  test("one that runs alone stands aside for its limit as any other, can be looked at, cancelled and killed", async () => {
    const { client, queue } = open();
    const limited = () => job({ limit: { key: "k", concurrency: 2 }, track: true });
    const [first, second, third] = [limited(), limited(), job({ track: true })];
    await client.enqueue([first, second, third]);
    expect((await claim(client)).length).toBe(3);
    await client.leases.release([queue], "a", DIED);
    await client.enqueue([limited(), limited()]);
    const others = await claim(client);
    expect(others.length).toBe(2);
    // Both places are taken.
    const [only, ...none] = await claim(client, { alone });
    expect([only?.id, none.length]).toEqual([third.id, 0]);
    expect(await counts(client)).toMatchObject({ waiting: 2, running: 3 });
    await settle(client, others, { kind: "ack" });
    await client.leases.promote([queue], 10);
    expect(await claim(client)).toEqual([]);
    expect((await client.desk.find(queue, { state: "waiting" }, 10)).map(({ lane }) => lane)).toEqual([
      "normal",
      "normal",
    ]);
    expect(await client.records.cancel(first.id)).toBe(true);
    expect(await client.desk.kill(queue, [second.id])).toEqual([second.id]);
    expect(await counts(client)).toMatchObject({ waiting: 0, alone: 0, running: 1, dead: 1 });
  });
}
