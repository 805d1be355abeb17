/** What operators do with single jobs. */
import { expect, test } from "bun:test";
import type { LivingJob } from "../../shared/store/jobs/job_desk.ts";
import { clientsOf } from "./clients.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

const statesOf = (jobs: readonly LivingJob[]) => Object.fromEntries(jobs.map(({ id, state }) => [id, state]));

export function desk(store: StoreUnderTest): void {
  const { open, job, claim, counts } = clientsOf(store);

  test("jobs are found in each state, by id, type and state, with what is known of them", async () => {
    const { client, queue } = open();
    const { desk } = client;
    const [first, second, later] = [
      job({}, "a"),
      job({ lane: "high", track: true }, "b"),
      job({ delay: "1h" }, "a"),
    ];
    const held = [1, 2].map(() => job({ limit: { key: "k", concurrency: 1 }, lane: "low" }, "c"));
    await client.enqueue([first, second, later]);
    const [running] = await claim(client, { max: 1 });
    await client.enqueue(held);
    const begun = await claim(client);
    expect(running?.id).toBe(second.id);
    expect(begun.map(({ id }) => id)).toEqual([first.id, held[0]?.id ?? ""]);
    expect(statesOf(await client.desk.find(queue, {}, 100))).toEqual({
      [first.id]: "running",
      [second.id]: "running",
      [later.id]: "delayed",
      [held[0]?.id ?? ""]: "running",
      [held[1]?.id ?? ""]: "waiting",
    });
    const [found] = await desk.find(queue, { ids: [second.id] }, 10);
    expect(found).toMatchObject({
      ...{ id: second.id, queue, lane: "high", type: "b", state: "running", attempts: 0, payload: "1" },
      ...{ error: "", hasRecord: true, enqueuedAtMs: second.enqueuedAtMs },
    });
    const [delayed] = await desk.find(queue, { type: "a", state: "delayed" }, 10);
    expect(delayed?.id).toBe(later.id);
    expect(Math.abs((delayed?.runAtMs ?? 0) - later.runAtMs)).toBeLessThan(5_000);
    expect(await desk.find(queue, {}, 2)).toHaveLength(2);
    expect(await desk.queues()).toContain(queue);
  });

  test("killed jobs are dead, whatever they did, and can be put back", async () => {
    const { client, queue } = open();
    const { desk } = client;
    const [running, later, waiting] = [job({}, "a"), job({ delay: "1h" }, "a"), job({ track: true }, "a")];
    const held = [1, 2, 3].map(() => job({ limit: { key: "k", concurrency: 1 } }, "c"));
    await client.enqueue([running]);
    const [claimed] = await claim(client, { max: 1 });
    await client.enqueue(held);
    const [holder] = await claim(client);
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
    expect((await claim(client)).map(({ id }) => id)).toEqual([held[2]?.id ?? ""]);
    expect(await client.replay(queue, { ids: [later.id] })).toBe(1);
    expect((await claim(client)).map(({ id }) => id)).toEqual([later.id]);
    expect(await counts(client)).toMatchObject({ waiting: 0, delayed: 0, running: 2, dead: ids.length - 1 });
  });

  test("a delayed job is hurried, others are not", async () => {
    const { client, queue } = open();
    const { desk } = client;
    const [now, later] = [job({}, "a"), job({ delay: "1h", track: true }, "a")];
    await client.enqueue([now, later]);
    expect(await desk.hurry(queue, [now.id, later.id, "nobody"])).toEqual([later.id]);
    expect((await client.records.get(later.id))?.state).toBe("waiting");
    expect(new Set((await claim(client)).map(({ id }) => id))).toEqual(new Set([now.id, later.id]));
  });
}
