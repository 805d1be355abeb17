/** Records: looking a job up. */
import { expect, test } from "bun:test";
import type { ClaimedJob } from "../../shared/store/jobs/job.ts";
import { until } from "../harness/until.ts";
import { clientsOf, idsOf, PATIENCE_MS } from "./clients.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

const { signal } = new AbortController();

export function records(store: StoreUnderTest): void {
  const { open, job, claim, claimSoon, settle } = clientsOf(store);

  test("a record tells where the job is", async () => {
    const { client, queue } = open();
    const kept = job({ keep: true, delay: 1 });
    await client.enqueue([kept, job()]);
    expect(await client.records.get("unknown")).toBeUndefined();
    expect(await client.records.get(kept.id)).toMatchObject({
      ...{ id: kept.id, queue, type: "x" },
      attempt: 0,
    });
    let jobs: ClaimedJob[] = [];
    while (!idsOf(jobs).includes(kept.id)) jobs = await claimSoon(client);
    jobs = jobs.filter(({ id }) => id === kept.id);
    expect(await client.records.get(kept.id)).toMatchObject({ state: "running", attempt: 1, result: null });
    await settle(client, jobs, { kind: "release" });
    expect(await client.records.get(kept.id)).toMatchObject({ state: "waiting", attempt: 0 });
    jobs = await claim(client);
    await settle(client, jobs, { kind: "retry", delayMs: 0, error: "Error: boom" });
    expect(await client.records.get(kept.id)).toMatchObject({
      state: "waiting",
      attempt: 1,
      error: "Error: boom",
    });
    jobs = await claim(client);
    const [fence = ""] = jobs.map((one) => one.fence);
    expect(await client.note([{ queue, fence, id: kept.id, progress: '"half"' }])).toEqual([false]);
    await settle(client, jobs, { kind: "ack", result: '{"n":1}' });
    expect(await client.records.get(kept.id, queue)).toMatchObject({
      ...{ state: "done", attempt: 2, progress: '"half"', result: '{"n":1}', reason: null },
      endedAtMs: expect.any(Number),
    });
  }, 120_000);

  test("waits for a job's end, told by another client", async () => {
    const [{ client: worker }, { client: app }] = [open(), open()];
    const kept = job({ keep: true });
    await app.enqueue([kept]);
    const waiting = app.records.wait(kept.id, 2 * PATIENCE_MS, signal);
    const jobs = await claim(worker);
    await Bun.sleep(50);
    const endedAtMs = performance.now();
    await settle(worker, jobs, { kind: "ack", result: "7" });
    expect(await waiting).toMatchObject({ state: "done", result: "7" });
    expect(performance.now() - endedAtMs).toBeLessThan(PATIENCE_MS);
    expect(await app.records.wait(kept.id, 0, signal)).toMatchObject({ state: "done" });
    expect(await app.records.wait("unknown", PATIENCE_MS, signal)).toBeUndefined();
    await app.enqueue([job({ id: "slow" })]);
    expect(await app.records.wait("slow", 30, signal)).toMatchObject({ state: "waiting" });
  });

  test("a record is gone when its time is over, and its id is free", async () => {
    const { client, queue } = open();
    const brief = () => job({ id: `${queue}-brief`, keep: 200 });
    const run = async () =>
      expect(await settle(client, await claim(client), { kind: "ack" })).toEqual([true]);
    // On a busy machine its time may be over before we look.
    const mayBeDone = async () =>
      expect(["done", undefined]).toContain((await client.records.get(brief().id))?.state);
    await client.enqueue([brief()]);
    await run();
    await mayBeDone();
    await until(async () => (await client.records.get(brief().id)) === undefined, "it is gone");
    await client.enqueue([brief()]);
    expect(await client.records.get(brief().id)).toMatchObject({ state: "waiting" });
    await run();
    await mayBeDone();
  });
}
