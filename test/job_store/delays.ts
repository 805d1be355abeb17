/** Jobs that wait for their moment. */
import { expect, test } from "bun:test";
import { until } from "../harness/until.ts";
import { clientsOf, idsOf } from "./clients.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

export function delays(store: StoreUnderTest): void {
  const { open, job, claim, claimSoon, settle, counts } = clientsOf(store);

  test("a delayed job waits for its moment", async () => {
    const { client, queue } = open();
    const later = job({ delay: "1h" });
    await client.enqueue([later]);
    expect(await claim(client)).toEqual([]);
    expect(await counts(client)).toMatchObject({ waiting: 0, delayed: 1 });
    expect(await client.leases.promote([queue], 7_200_000)).toBeGreaterThan(0);
    expect(await client.leases.promote([queue], 77)).toBe(77);
    const soon = job({ delay: 200 });
    await client.enqueue([soon]);
    expect(await claimSoon(client)).toMatchObject([{ id: soon.id }]);
    expect(Date.now()).toBeGreaterThanOrEqual(soon.runAtMs - 10);
    expect(await counts(client)).toMatchObject({ waiting: 0, delayed: 1 });
  });

  test("one that is due waits, whoever looks, also in a queue that is paused", async () => {
    const { client, queue } = open();
    await client.setRules(queue, { paused: true });
    const [soon, later] = [job({ delay: 50, track: true }), job({ delay: "1h", track: true })];
    await client.enqueue([soon, later]);
    const look = async () => {
      const found = await client.desk.find(queue, {}, 10);
      return {
        counts: await counts(client),
        states: found.map(({ id, state }) => [id === soon.id, state]).sort(),
        records: await Promise.all(
          [soon, later].map(async ({ id }) => (await client.records.get(id))?.state),
        ),
        waiting: (await client.desk.find(queue, { state: "waiting" }, 10)).map(({ id }) => id),
        delayed: (await client.desk.find(queue, { state: "delayed" }, 10)).map(({ id }) => id),
      };
    };
    const due = {
      counts: { waiting: 1, delayed: 1, running: 0 },
      states: [
        [false, "delayed"],
        [true, "waiting"],
      ],
      ...{ records: ["waiting", "delayed"], waiting: [soon.id], delayed: [later.id] },
    };
    await until(async () => (await counts(client))?.waiting === 1, "it is due");
    expect(await look()).toMatchObject(due);
    expect((await counts(client))?.oldestMs).toBeWithin(0, 30_000);
    await client.leases.promote([queue], 10);
    expect(await look()).toMatchObject(due);
    expect(await claim(client)).toEqual([]);
    await client.setRules(queue, { paused: false });
    expect(await claim(client)).toMatchObject([{ id: soon.id }]);
  });

  test("a job of as far ahead as may be has its place, its lock and its record", async () => {
    const { client, queue } = open();
    const far = () =>
      job({ delay: 100 * 365.25 * 24 * 3_600_000, unique: { key: "k", ttl: "30d" }, track: true });
    const [first, second] = [far(), far()];
    expect(await client.enqueue([first, second])).toEqual([first.id, first.id]);
    expect(await client.leases.promote([queue], 500)).toBe(500);
    expect(await counts(client)).toMatchObject({ waiting: 0, delayed: 1 });
    expect(await client.records.get(first.id)).toMatchObject({ state: "delayed" });
    expect(await client.desk.hurry(queue, [first.id])).toEqual([first.id]);
    const jobs = await claim(client);
    expect(idsOf(jobs)).toEqual([first.id]);
    await settle(client, jobs, { kind: "ack" });
    expect(await client.enqueue([second])).toEqual([second.id]);
  });
}
