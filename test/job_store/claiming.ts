/** What a claim gives, and to whom. */
import { expect, test } from "bun:test";
import { newJob } from "../../shared/store/jobs/new_job.ts";
import { clientsOf, idsOf, PATIENCE_MS, WAIT_MS } from "./clients.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

export function claiming(store: StoreUnderTest): void {
  const { open, job, claim, settle, counts } = clientsOf(store);

  test("gives a job to a worker as it was enqueued, once", async () => {
    const { client, queue } = open();
    const options = {
      queue,
      attempts: 5,
      backoff: { kind: "exponential", delay: 50 },
      timeout: "30s",
    } as const;
    const added = newJob("send_email", { to: "a@b", text: 'Grüße\n"quoted"' }, options);
    added.trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await client.enqueue([added]);
    const [claimed, ...others] = await claim(client);
    expect(others).toEqual([]);
    expect(claimed).toEqual({
      ...added,
      attempt: 1,
      history: [],
      fence: expect.any(String),
      runAtMs: expect.any(Number),
    });
    expect(await claim(client, { owner: "b" })).toEqual([]);
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 1 });
  });

  test("keeps what enqueue left open", async () => {
    const { client, queue } = open();
    await client.enqueue([newJob("x", null, { queue })]);
    expect(await claim(client)).toMatchObject([
      { attempts: null, backoff: null, timeoutMs: null, payload: "null" },
    ]);
  });

  test("gives out in order of enqueue and never more than asked", async () => {
    const { client } = open();
    const jobs = Array.from({ length: 250 }, () => job());
    await client.enqueue(jobs);
    const seen: string[] = [];
    for (let i = 0; i < 4; i++) {
      const batch = await claim(client, { max: 70 });
      expect(batch.length).toBe(i < 3 ? 70 : 40);
      seen.push(...batch.map(({ id }) => id));
    }
    expect(seen).toEqual(jobs.map(({ id }) => id));
  });

  test("two clients never get the same job", async () => {
    const [{ client: one }, { client: two }] = [open(), open()];
    await one.enqueue(Array.from({ length: 200 }, () => job()));
    const batches = await Promise.all(
      Array.from({ length: 40 }, (_, i) => claim(i % 2 ? one : two, { owner: i % 2 ? "a" : "b" })),
    );
    const ids = batches.flat().map(({ id }) => id);
    expect(ids.length).toBe(200);
    expect(new Set(ids).size).toBe(200);
  });

  test("a waiting claim wakes when a job comes, also from another client", async () => {
    const [{ client: worker }, { client: app }] = [open(), open()];
    const waiting = claim(worker, { waitMs: WAIT_MS });
    await Bun.sleep(50);
    const enqueuedAtMs = performance.now();
    await app.enqueue([job()]);
    expect((await waiting).length).toBe(1);
    expect(performance.now() - enqueuedAtMs).toBeLessThan(WAIT_MS / 2);
  });

  test("a waiting claim ends empty at its time, and at once when aborted", async () => {
    const { client, queue } = open();
    const startMs = performance.now();
    expect(await claim(client, { waitMs: 120 })).toEqual([]);
    expect(performance.now() - startMs).toBeGreaterThan(100);
    const abort = new AbortController();
    const waiting = client.claim(queue, "a", 10, WAIT_MS, abort.signal);
    await Bun.sleep(50);
    const abortedAtMs = performance.now();
    abort.abort();
    expect(await waiting).toEqual({ jobs: [], broken: [] });
    expect(performance.now() - abortedAtMs).toBeLessThan(WAIT_MS / 2);
    expect(await client.claim(queue, "a", 10, WAIT_MS, AbortSignal.abort())).toEqual({
      jobs: [],
      broken: [],
    });
    // The aborted claim took nothing with it.
    await client.enqueue([job()]);
    expect((await claim(client, { owner: "b", waitMs: PATIENCE_MS })).length).toBe(1);
  });

  test("one enqueue over several queues stores them all", async () => {
    const { client, queue } = open();
    const other = `${queue}-other`;
    await client.enqueue([job(), job({ queue: other }), job({ queue: other })]);
    expect((await client.counts([queue, other])).map(({ waiting }) => waiting)).toEqual([1, 2]);
  });

  test("counts a queue, and the age of its oldest waiting job", async () => {
    const { client, queue } = open();
    expect(await client.counts([queue, "never_used"])).toEqual(
      [queue, "never_used"].map((name) => ({
        queue: name,
        waiting: 0,
        delayed: 0,
        running: 0,
        dead: 0,
        alone: 0,
        oldestMs: 0,
      })),
    );
    await client.enqueue([job(), job(), job(), job({ delay: "1h" })]);
    await Bun.sleep(60);
    await claim(client, { max: 1 });
    const seen = await counts(client);
    expect(seen).toMatchObject({ waiting: 2, delayed: 1, running: 1, dead: 0 });
    expect(seen?.oldestMs).toBeGreaterThan(40);
    expect(seen?.oldestMs).toBeLessThan(60_000);
  });

  test("keeps every option", async () => {
    const { client } = open();
    const added = job({
      ...{
        lane: "high",
        expires: "1h",
        id: "mine",
        keep: "5m",
        unique: { key: "k", ttl: "1m", until: "start" },
      },
      limit: { key: "customer 7", concurrency: 3, rate: { jobs: 5, per: "1s" } },
    });
    expect(await client.enqueue([added])).toEqual(["mine"]);
    const [claimed] = await claim(client);
    expect(claimed).toEqual({
      ...added,
      ...{ attempt: 1, history: [], fence: expect.any(String), runAtMs: expect.any(Number) },
    });
  });

  test("a claim that does not wait looks past jobs that are cancelled or held back", async () => {
    const { client, queue } = open();
    const limit = { key: "k", concurrency: 1 };
    const [gone, running, held, free] = [job({ id: `${queue}-gone` }), job({ limit }), job({ limit }), job()];
    await client.enqueue([gone, running, held, free]);
    expect(await client.records.cancel(gone.id)).toBe(true);
    expect(idsOf(await claim(client, { max: 1 }))).toEqual([running.id]);
    expect(idsOf(await claim(client, { max: 1 }))).toEqual([free.id]);
    expect(await claim(client, { max: 1 })).toEqual([]);
  });

  test("many enqueues and settles at once all arrive", async () => {
    const { client } = open();
    await Promise.all(Array.from({ length: 500 }, () => client.enqueue([job()])));
    let done = 0;
    while (done < 500) {
      const jobs = await claim(client, { max: 50, waitMs: 200 });
      const applied = await Promise.all(jobs.map((one) => settle(client, [one], { kind: "ack" })));
      expect(applied.flat().every(Boolean)).toBe(true);
      done += jobs.length;
      if (jobs.length === 0) break;
    }
    expect(done).toBe(500);
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 0 });
  });
}
