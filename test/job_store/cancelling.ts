/** Jobs that are cancelled. */
import { expect, test } from "bun:test";
import type { NewJob } from "../../shared/store/jobs/job.ts";
import { clientsOf, DIED_ALONE, idsOf } from "./clients.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

export function cancelling(store: StoreUnderTest): void {
  const { open, job, claim, claimSoon, settle, counts } = clientsOf(store);

  test("a cancelled job never runs; a running one is told", async () => {
    const { client, queue } = open();
    await client.enqueue([
      job({ id: "w", unique: { key: "k" } }),
      job({ id: "d", delay: 40 }),
      job({ id: "r" }),
    ]);
    expect(await client.records.cancel("w")).toBe(true);
    expect(await client.records.cancel("d")).toBe(true);
    expect(await client.records.cancel("w")).toBe(false);
    expect(await client.records.cancel("unknown")).toBe(false);
    const [running, ...others] = await claim(client);
    expect(others).toEqual([]);
    expect(running?.id).toBe("r");
    const note = { queue, fence: running?.fence ?? "", id: "r", progress: null };
    expect(await client.note([note])).toEqual([false]);
    expect(await client.records.cancel("r")).toBe(true);
    expect(await client.note([note, { ...note, id: "w" }])).toEqual([true, false]);
    await settle(client, running ? [running] : [], { kind: "cancelled" });
    expect(await client.records.get("r")).toMatchObject({ state: "cancelled" });
    await Bun.sleep(60);
    await client.leases.promote([queue], 10);
    expect(await claim(client)).toEqual([]);
    expect(await counts(client)).toMatchObject({ waiting: 0, delayed: 0, running: 0, dead: 0 });
    // Its lock is free.
    const next = job({ unique: { key: "k" } });
    expect(await client.enqueue([next])).toEqual([next.id]);
  });

  test("a delayed job that is cancelled is gone at once, and others of the same moment stay", async () => {
    const { client, queue } = open();
    const at = new Date(Date.now() + 3_600_000);
    const [gone, stays] = [job({ id: `${queue}-gone`, at }), job({ id: `${queue}-stays`, at })];
    await client.enqueue([gone, stays]);
    expect(await client.records.cancel(gone.id)).toBe(true);
    expect(await counts(client)).toMatchObject({ delayed: 1 });
    expect(await client.records.get(gone.id)).toMatchObject({ state: "cancelled" });
    expect(await client.records.get(stays.id)).toMatchObject({ state: "delayed" });
    // One that waits for its second try, after a worker died with it.
    const again = job({ id: `${queue}-again` });
    await client.enqueue([again]);
    await claim(client);
    await client.leases.release([queue], "a", DIED_ALONE);
    await settle(client, await claim(client, { alone: true }), {
      kind: "retry",
      delayMs: 3_600_000,
      error: "x",
    });
    expect(await counts(client)).toMatchObject({ waiting: 0, delayed: 2 });
    expect(await client.records.cancel(again.id)).toBe(true);
    expect(await counts(client)).toMatchObject({ delayed: 1 });
  });

  test("cancelled jobs are gone at once also among many of their moment", async () => {
    const { client } = open();
    const at = new Date(Date.now() + 3_600_000);
    const jobs: NewJob[] = [];
    // One by one: the delay of each is reckoned anew, and ends at this moment.
    for (let i = 0; i < 800; i++) {
      const one = job({ track: true, at });
      await client.enqueue([one]);
      jobs.push(one);
    }
    const ids = idsOf(jobs).sort();
    for (const id of [...ids.slice(0, 5), ...ids.slice(400, 405), ...ids.slice(-5)])
      expect(await client.records.cancel(id)).toBe(true);
    expect(await counts(client)).toMatchObject({ delayed: 785 });
  });

  test("a waiting job that is cancelled is gone at once, also one that a limit holds back", async () => {
    const { client, queue } = open();
    const limit = { key: "k", concurrency: 1 };
    const [runs, held, next] = [1, 2, 3].map((n) => job({ id: `${queue}-${n}`, limit }));
    const [first, retried] = [job({ id: `${queue}-first` }), job({ id: `${queue}-retried` })];
    await client.enqueue([runs, held, next, retried].flatMap((one) => one ?? []));
    const begun = await claim(client);
    expect(idsOf(begun)).toEqual([`${queue}-1`, retried.id]);
    await settle(client, begun.slice(1), { kind: "retry", delayMs: 0, error: "x" });
    await client.enqueue([first]);
    expect(await counts(client)).toMatchObject({ waiting: 4, running: 1 });
    for (const id of [`${queue}-2`, retried.id, first.id]) expect(await client.records.cancel(id)).toBe(true);
    expect(await counts(client)).toMatchObject({ waiting: 1, running: 1 });
    expect(idsOf(await client.desk.find(queue, { state: "waiting" }, 10))).toEqual([`${queue}-3`]);
    await settle(client, begun.slice(0, 1), { kind: "ack" });
    expect(idsOf(await claimSoon(client))).toEqual([`${queue}-3`]);
  });

  test("a cancelled job that a limit had let go lets the next one go", async () => {
    const { client } = open();
    const limited = (id: string) => job({ id, limit: { key: "c", concurrency: 1 } });
    await client.enqueue([limited("1"), limited("2"), limited("3")]);
    const first = await claim(client);
    await settle(client, first, { kind: "ack" });
    expect(await client.records.cancel("2")).toBe(true);
    expect(idsOf(await claimSoon(client))).toEqual(["3"]);
  });
}
