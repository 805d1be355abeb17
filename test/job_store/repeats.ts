/** Enqueues that add nothing: by id, and unique ones. */
import { expect, test } from "bun:test";
import type { ClaimedJob } from "../../shared/store/jobs/job.ts";
import { clientsOf, idsOf, PATIENCE_MS } from "./clients.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

export function repeats(store: StoreUnderTest): void {
  const { open, job, claim, claimSoon, settle } = clientsOf(store);

  test("an id of one's own is added once, also after its end, and is the queue's", async () => {
    const { client, queue } = open();
    expect(await client.enqueue([job({ id: "order-1" }), job({ id: "order-1" })])).toEqual([
      "order-1",
      "order-1",
    ]);
    const jobs = await claim(client);
    expect(idsOf(jobs)).toEqual(["order-1"]);
    await client.enqueue([job({ id: "order-1" })]);
    await settle(client, jobs, { kind: "ack" });
    await client.enqueue([job({ id: "order-1" })]);
    expect(await claim(client)).toEqual([]);
    await client.enqueue([job({ id: "order-1", queue: `${queue}-other` })]);
    expect((await client.counts([`${queue}-other`]))[0]?.waiting).toBe(1);
  });

  test("a unique job stands for those that come while it is there", async () => {
    const { client } = open();
    const [first, second] = [job({ unique: { key: "k" } }), job({ unique: { key: "k" } })];
    const [other, otherType] = [job({ unique: { key: "l" } }), job({ unique: { key: "k" } }, "y")];
    expect(await client.enqueue([first, second, other, otherType])).toEqual([
      first.id,
      first.id,
      other.id,
      otherType.id,
    ]);
    const jobs = await claim(client);
    expect(jobs.length).toBe(3);
    expect(await client.enqueue([second])).toEqual([first.id]);
    await settle(client, jobs, { kind: "retry", delayMs: 1, error: "x" });
    expect(await client.enqueue([second])).toEqual([first.id]);
    const again: ClaimedJob[] = [];
    while (again.length < 3) again.push(...(await claimSoon(client)));
    await settle(client, again, { kind: "ack" });
    expect(await client.enqueue([second])).toEqual([second.id]);
    await settle(client, await claim(client), { kind: "dead", reason: "discarded", error: "x" });
    expect(await client.enqueue([other])).toEqual([other.id]);
  });

  test("a lock may end when its job begins, and always ends at its time", async () => {
    const { client } = open();
    const start = () => job({ unique: { key: "k", until: "start" } });
    const short = () => job({ unique: { key: "s", ttl: 60 } });
    const [one, two, three, four] = [start(), start(), short(), short()];
    expect(await client.enqueue([one, two, three, four])).toEqual([one.id, one.id, three.id, three.id]);
    expect((await claim(client)).length).toBe(2);
    expect(await client.enqueue([two])).toEqual([two.id]);
    const endMs = performance.now() + PATIENCE_MS;
    let id = "";
    while (id !== four.id && performance.now() < endMs) [id = ""] = await client.enqueue([four]);
    expect(id).toBe(four.id);
  });
}
