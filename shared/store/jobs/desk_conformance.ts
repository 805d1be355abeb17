/** What operators do with single jobs, on each store. */
import { afterEach, expect, test } from "bun:test";
import type { StoreUnderTest } from "./conformance.ts";

import type { JobStore } from "./job_store.ts";
import { type EnqueueOptions, newJob } from "./new_job.ts";

export function deskConformance(store: StoreUnderTest): void {
  let client: JobStore;
  let queue = "";
  let queues = 0;

  function open(): JobStore {
    queue = `desk${++queues}`;
    client = store.open();
    return client;
  }

  afterEach(() => client.close());

  const make = (type: string, options: EnqueueOptions = {}) => newJob(type, { n: 1 }, { queue, ...options });
  const claim = async (max: number) =>
    (await client.claim(queue, "a", max, 0, new AbortController().signal)).jobs;
  const statesOf = async () =>
    Object.fromEntries((await client.desk.find(queue, {}, 100)).map(({ id, state }) => [id, state]));
  const counts = async () => (await client.counts([queue]))[0];

  test("jobs are found in each state, by id, type and state, with what is known of them", async () => {
    const { desk } = open();
    const [first, second, later] = [
      make("a"),
      make("b", { lane: "high", track: true }),
      make("a", { delay: "1h" }),
    ];
    const held = [1, 2].map(() => make("c", { limit: { key: "k", concurrency: 1 }, lane: "low" }));
    await client.enqueue([first, second, later]);
    const [running] = await claim(1);
    await client.enqueue(held);
    const begun = await claim(10);
    expect(running?.id).toBe(second.id);
    expect(begun.map(({ id }) => id)).toEqual([first.id, held[0]?.id ?? ""]);
    expect(await statesOf()).toEqual({
      [first.id]: "running",
      [second.id]: "running",
      [later.id]: "delayed",
      [held[0]?.id ?? ""]: "running",
      [held[1]?.id ?? ""]: "waiting",
    });
    const [found] = await desk.find(queue, { ids: [second.id] }, 10);
    expect(found).toMatchObject({
      ...{ id: second.id, queue, lane: "high", type: "b", state: "running", attempts: 0, payload: '{"n":1}' },
      ...{ error: "", hasRecord: true, enqueuedAtMs: second.enqueuedAtMs },
    });
    const [delayed] = await desk.find(queue, { type: "a", state: "delayed" }, 10);
    expect(delayed?.id).toBe(later.id);
    expect(Math.abs((delayed?.runAtMs ?? 0) - later.runAtMs)).toBeLessThan(5_000);
    expect(await desk.find(queue, {}, 2)).toHaveLength(2);
    expect(await desk.queues()).toContain(queue);
  });

  test("killed jobs are dead, whatever they did, and can be put back", async () => {
    const { desk } = open();
    const [running, later, waiting] = [make("a"), make("a", { delay: "1h" }), make("a", { track: true })];
    const held = [1, 2, 3].map(() => make("c", { limit: { key: "k", concurrency: 1 } }));
    await client.enqueue([running]);
    const [claimed] = await claim(1);
    await client.enqueue(held);
    const [holder] = await claim(10);
    await client.enqueue([later, waiting]);
    const ids = [running, later, waiting, ...held.slice(0, 2)].map(({ id }) => id);
    expect(new Set(await desk.kill(queue, [...ids, "nobody"]))).toEqual(new Set(ids));
    expect(await desk.kill(queue, ids)).toEqual([]);
    const fences = [claimed, holder].map((job) => job?.fence ?? "");
    const settled = fences.map((fence) => ({ queue, fence, outcome: { kind: "ack" } as const }));
    expect(await client.settle("a", settled)).toEqual([false, false]);
    const dead = await client.dead(queue, 10, { reason: "killed" });
    expect(new Set(dead.map(({ id }) => id))).toEqual(new Set(ids));
    expect((await client.records.get(waiting.id))?.state).toBe("dead");
    // The third had waited for the killed one.
    await client.leases.promote([queue], 0);
    expect((await claim(10)).map(({ id }) => id)).toEqual([held[2]?.id ?? ""]);
    expect(await client.replay(queue, { ids: [later.id] })).toBe(1);
    expect((await claim(10)).map(({ id }) => id)).toEqual([later.id]);
    expect(await counts()).toMatchObject({ waiting: 0, delayed: 0, running: 2, dead: ids.length - 1 });
  });

  test("a delayed job is hurried, others are not", async () => {
    const { desk } = open();
    const [now, later] = [make("a"), make("a", { delay: "1h", track: true })];
    await client.enqueue([now, later]);
    expect(await desk.hurry(queue, [now.id, later.id, "nobody"])).toEqual([later.id]);
    expect((await client.records.get(later.id))?.state).toBe("waiting");
    expect(new Set((await claim(10)).map(({ id }) => id))).toEqual(new Set([now.id, later.id]));
  });
}
