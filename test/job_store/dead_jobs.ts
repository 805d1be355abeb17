/** Dead jobs, and how they come back. */
import { expect, test } from "bun:test";
import type { DeadReason, Outcome } from "../../shared/store/jobs/job.ts";
import { clientsOf, idsOf } from "./clients.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

export function deadJobs(store: StoreUnderTest): void {
  const { open, job, claim, settle, counts } = clientsOf(store);

  test.each(["decode", "unknown_type", "schema", "exhausted", "discarded"] as DeadReason[])(
    "keeps a dead job with its reason: %s",
    async (reason) => {
      const { client, queue } = open();
      const added = job();
      await client.enqueue([added]);
      const jobs = await claim(client);
      expect(await settle(client, jobs, { kind: "dead", reason, error: "it said no" })).toEqual([true]);
      expect(await claim(client)).toEqual([]);
      expect(await counts(client)).toMatchObject({ running: 0, dead: 1 });
      const [dead] = await client.dead(queue, 10);
      expect(dead).toMatchObject({
        queue,
        id: added.id,
        type: "x",
        payload: added.payload,
        reason,
        error: "it said no",
        attempt: 1,
      });
      expect(Math.abs((dead?.diedAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
    },
  );

  test("replays dead jobs as new, all or by id", async () => {
    const { client, queue } = open();
    const jobs = [job(), job(), job()];
    await client.enqueue(jobs);
    await settle(client, await claim(client), { kind: "dead", reason: "exhausted", error: "x" });
    expect((await client.dead(queue, 2)).map(({ id }) => id)).toEqual([jobs[2]?.id ?? "", jobs[1]?.id ?? ""]);
    expect(await client.replay(queue, { ids: [jobs[1]?.id ?? "", "unknown"] })).toBe(1);
    expect(await claim(client)).toMatchObject([{ id: jobs[1]?.id, attempt: 1 }]);
    expect(await client.replay(queue)).toBe(2);
    expect(await claim(client)).toMatchObject([{ id: jobs[0]?.id, attempt: 1 }, { id: jobs[2]?.id }]);
    expect(await client.replay(queue)).toBe(0);
    expect(await client.dead(queue, 10)).toEqual([]);
  });

  test("hands out what can't be read as a job as broken, and buries it with its text", async () => {
    const { client, queue } = open();
    await client.enqueue([job()]);
    await store.addBroken(queue);
    const { jobs, broken } = await client.claim(queue, "a", 10, 0, new AbortController().signal);
    expect(jobs.length).toBe(1);
    expect(broken.map((entry) => [entry.queue, typeof entry.error])).toEqual([[queue, "string"]]);
    const outcome: Outcome = { kind: "dead", reason: "decode", error: broken[0]?.error ?? "" };
    expect(
      await client.settle(
        "a",
        broken.map(({ fence }) => ({ queue, fence, outcome })),
      ),
    ).toEqual([true]);
    expect(await client.dead(queue, 10)).toMatchObject([
      { reason: "decode", payload: expect.stringContaining("garbage") },
    ]);
    // Replaying it changes nothing: it is still no job, and still not lost.
    expect(await client.replay(queue)).toBe(1);
    const again = await client.claim(queue, "a", 10, 0, new AbortController().signal);
    expect(again.broken).toHaveLength(1);
  });

  test("dead and replayed, the record follows", async () => {
    const { client, queue } = open();
    await client.enqueue([job({ id: "d", unique: true })]);
    await settle(client, await claim(client), { kind: "dead", reason: "exhausted", error: "Error: no" });
    expect(await client.records.get("d")).toMatchObject({
      state: "dead",
      reason: "exhausted",
      error: "Error: no",
    });
    expect(await client.replay(queue)).toBe(1);
    expect(await client.records.get("d")).toMatchObject({ state: "waiting", reason: null, attempt: 0 });
    await settle(client, await claim(client), { kind: "ack" });
    expect(await client.records.get("d")).toMatchObject({ state: "done", attempt: 1 });
  });

  test("a retried job remembers its failures; dead jobs are found by type and reason", async () => {
    const { client, queue } = open();
    const history = [{ attempt: 1, atMs: 7, error: 'Error: "boom"' }];
    await client.enqueue([job(), job({}, "y"), job({}, "y")]);
    const [first, second, third] = await claim(client);
    await settle(client, first ? [first] : [], { kind: "retry", delayMs: 0, error: "x", history });
    const [again] = await claim(client);
    expect(again?.history).toEqual(history);
    await settle(client, again ? [again] : [], {
      kind: "dead",
      reason: "exhausted",
      error: "E\nstack",
      history,
    });
    await settle(client, second ? [second] : [], { kind: "dead", reason: "schema", error: "x" });
    await settle(client, third ? [third] : [], { kind: "dead", reason: "exhausted", error: "x" });
    expect(await client.dead(queue, 10, { type: "x" })).toMatchObject([
      { history, error: "E\nstack", attempt: 2 },
    ]);
    expect(idsOf(await client.dead(queue, 10, { reason: "exhausted" }))).toEqual(
      idsOf([third, again].flatMap((one) => one ?? [])),
    );
    expect(await client.replay(queue, { type: "y", reason: "exhausted" })).toBe(1);
    expect(idsOf(await claim(client))).toEqual(idsOf(third ? [third] : []));
    expect(await client.replay(queue, { ids: [] })).toBe(0);
    expect(await client.replay(queue, { reason: "stalled" })).toBe(0);
    expect(await client.replay(queue)).toBe(2);
  });
}
