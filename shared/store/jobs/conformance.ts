/** What every job store does. Runs on each of them against the real thing. */
import { afterEach, expect, test } from "bun:test";
import type { ClaimedJob, DeadReason, NewJob, Outcome } from "./job.ts";
import { STALLS_MAX } from "./job.ts";
import type { JobStore } from "./job_store.ts";
import { checkAgainstModel } from "./model_conformance.ts";
import { ulid } from "./ulid.ts";

export interface StoreUnderTest {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Another client of the same store, as another process has it. */
  open(): JobStore;
  /** Puts something into a queue that can't be read as a job, and is not one of ours. */
  addBroken(queue: string): Promise<void>;
  /** Sets the store's clock by so much, as far as this queue is concerned. */
  setClock(queue: string, byMs: number): Promise<void>;
  /** What an app beside that clock takes for now. */
  nowMs(): number;
}

const LEASE_MS = 300;
/** How long a claim may wait that must be woken far sooner. */
const WAIT_MS = 60_000;
/** Only what is broken takes this long, on a busy machine too. */
const PATIENCE_MS = 30_000;

export function conformance(store: StoreUnderTest): void {
  let opened: JobStore[] = [];
  let queue = "";
  let queues = 0;

  afterEach(async () => {
    for (const client of opened) await client.close();
    opened = [];
  });

  /** A fresh client, and a queue no other test has used. */
  function open(): JobStore {
    if (opened.length === 0) queue = `q${++queues}`;
    const client = store.open();
    opened.push(client);
    return client;
  }

  function job(fields: Partial<NewJob> = {}): NewJob {
    return {
      id: ulid(),
      queue,
      lane: "normal",
      type: "send_email",
      payload: '{"to":"a@b","text":"Grüße\\n\\"quoted\\""}',
      attempts: 5,
      backoff: { kind: "exponential", delayMs: 50 },
      timeoutMs: 30_000,
      runAtMs: 0,
      expiresAtMs: 0,
      unique: null,
      record: null,
      limit: null,
      durable: false,
      enqueuedAtMs: Date.now(),
      trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      ...fields,
    };
  }

  async function claim(client: JobStore, owner: string, max = 10, waitMs = 0): Promise<ClaimedJob[]> {
    return (await client.claim(queue, owner, max, waitMs, new AbortController().signal)).jobs;
  }

  async function settle(
    client: JobStore,
    owner: string,
    jobs: readonly ClaimedJob[],
    outcome: Outcome,
  ): Promise<boolean[]> {
    return client.settle(
      owner,
      jobs.map(({ fence }) => ({ queue, fence, outcome })),
    );
  }

  const counts = async (client: JobStore) => (await client.counts([queue]))[0];

  /** As the supervisor does it: move what is due, then claim, until something comes. */
  async function claimSoon(client: JobStore, owner: string, max = 10): Promise<ClaimedJob[]> {
    const endMs = performance.now() + PATIENCE_MS;
    while (performance.now() < endMs) {
      await client.leases.promote([queue], 100);
      const jobs = await claim(client, owner, max, 20);
      if (jobs.length > 0) return jobs;
    }
    return [];
  }

  test("gives a job to a worker as it was enqueued, once", async () => {
    const client = open();
    const added = job();
    await client.enqueue([added]);
    const [claimed, ...others] = await claim(client, "a");
    expect(others).toEqual([]);
    expect(claimed).toEqual({
      ...added,
      attempt: 1,
      history: [],
      fence: expect.any(String),
      runAtMs: expect.any(Number),
    });
    expect(await claim(client, "b")).toEqual([]);
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 1 });
  });

  test("keeps what enqueue left open", async () => {
    const client = open();
    await client.enqueue([
      job({ attempts: null, backoff: null, timeoutMs: null, trace: "", payload: "null" }),
    ]);
    expect(await claim(client, "a")).toMatchObject([
      { attempts: null, backoff: null, timeoutMs: null, payload: "null" },
    ]);
  });

  test("gives out in order of enqueue and never more than asked", async () => {
    const client = open();
    const jobs = Array.from({ length: 250 }, () => job());
    await client.enqueue(jobs);
    const seen: string[] = [];
    for (let i = 0; i < 4; i++) {
      const batch = await claim(client, "a", 70);
      expect(batch.length).toBe(i < 3 ? 70 : 40);
      seen.push(...batch.map(({ id }) => id));
    }
    expect(seen).toEqual(jobs.map(({ id }) => id));
  });

  test("two clients never get the same job", async () => {
    const [one, two] = [open(), open()];
    await one.enqueue(Array.from({ length: 200 }, () => job()));
    const batches = await Promise.all(
      Array.from({ length: 40 }, (_, i) => claim(i % 2 ? one : two, i % 2 ? "a" : "b", 10)),
    );
    const ids = batches.flat().map(({ id }) => id);
    expect(ids.length).toBe(200);
    expect(new Set(ids).size).toBe(200);
  });

  test("an acknowledged job is gone", async () => {
    const client = open();
    await client.enqueue([job(), job()]);
    expect(await settle(client, "a", await claim(client, "a"), { kind: "ack" })).toEqual([true, true]);
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 0, delayed: 0, dead: 0 });
    expect(await client.leases.release([queue], "a")).toBe(0);
  });

  test("a retry comes back after its delay with the next attempt", async () => {
    const client = open();
    await client.enqueue([job()]);
    const jobs = await claim(client, "a");
    const settledAtMs = performance.now();
    await settle(client, "a", jobs, { kind: "retry", delayMs: 150, error: "boom" });
    const [again] = await claimSoon(client, "a");
    expect(performance.now() - settledAtMs).toBeGreaterThan(140);
    expect(again).toMatchObject({ attempt: 2, payload: job().payload });
    expect(
      await settle(client, "a", again ? [again] : [], { kind: "retry", delayMs: 0, error: "boom" }),
    ).toEqual([true]);
    const third = await claimSoon(client, "a");
    expect(third).toMatchObject([{ attempt: 3 }]);
    await settle(client, "a", third, { kind: "retry", delayMs: 3_600_000, error: "boom" });
    expect(await claim(client, "a")).toEqual([]);
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 0, delayed: 1 });
  });

  test("a released job comes back at once and its attempt does not count", async () => {
    const client = open();
    await client.enqueue([job()]);
    for (let i = 0; i < STALLS_MAX + 1; i++) {
      const jobs = await claimSoon(client, "a");
      expect(jobs).toMatchObject([{ attempt: 1 }]);
      expect(await settle(client, "a", jobs, { kind: "release" })).toEqual([true]);
    }
  });

  test("a delayed job waits for its moment", async () => {
    const client = open();
    const later = job({ runAtMs: Date.now() + 3_600_000 });
    await client.enqueue([later]);
    expect(await claim(client, "a")).toEqual([]);
    expect(await counts(client)).toMatchObject({ waiting: 0, delayed: 1 });
    expect(await client.leases.promote([queue], 7_200_000)).toBeGreaterThan(0);
    expect(await client.leases.promote([queue], 77)).toBe(77);
    const soon = job({ runAtMs: Date.now() + 200 });
    await client.enqueue([soon]);
    expect(await claimSoon(client, "a")).toMatchObject([{ id: soon.id }]);
    expect(Date.now()).toBeGreaterThanOrEqual(soon.runAtMs - 10);
    expect(await counts(client)).toMatchObject({ waiting: 0, delayed: 1 });
  });

  test.each(["decode", "unknown_type", "schema", "exhausted", "discarded"] as DeadReason[])(
    "keeps a dead job with its reason: %s",
    async (reason) => {
      const client = open();
      const added = job();
      await client.enqueue([added]);
      const jobs = await claim(client, "a");
      expect(await settle(client, "a", jobs, { kind: "dead", reason, error: "it said no" })).toEqual([true]);
      expect(await claim(client, "a")).toEqual([]);
      expect(await counts(client)).toMatchObject({ running: 0, dead: 1 });
      const [dead] = await client.dead(queue, 10);
      expect(dead).toMatchObject({
        queue,
        id: added.id,
        type: "send_email",
        payload: added.payload,
        reason,
        error: "it said no",
        attempt: 1,
      });
      expect(Math.abs((dead?.diedAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
    },
  );

  test("replays dead jobs as new, all or by id", async () => {
    const client = open();
    const jobs = [job(), job(), job()];
    await client.enqueue(jobs);
    await settle(client, "a", await claim(client, "a"), { kind: "dead", reason: "exhausted", error: "x" });
    expect((await client.dead(queue, 2)).map(({ id }) => id)).toEqual([jobs[2]?.id ?? "", jobs[1]?.id ?? ""]);
    expect(await client.replay(queue, { ids: [jobs[1]?.id ?? "", "unknown"] })).toBe(1);
    expect(await claim(client, "a")).toMatchObject([{ id: jobs[1]?.id, attempt: 1 }]);
    expect(await client.replay(queue)).toBe(2);
    expect(await claim(client, "a")).toMatchObject([{ id: jobs[0]?.id, attempt: 1 }, { id: jobs[2]?.id }]);
    expect(await client.replay(queue)).toBe(0);
    expect(await client.dead(queue, 10)).toEqual([]);
  });

  test("refuses every settlement of a worker that has lost its lease", async () => {
    const client = open();
    await client.enqueue([job()]);
    const stale = await claim(client, "a");
    expect(await client.leases.release([queue], "a")).toBe(1);
    const outcomes: Outcome[] = [
      { kind: "ack" },
      { kind: "release" },
      { kind: "retry", delayMs: 0, error: "x" },
      { kind: "dead", reason: "exhausted", error: "x" },
    ];
    for (const outcome of outcomes) expect(await settle(client, "a", stale, outcome)).toEqual([false]);
    const [fresh] = await claim(client, "b");
    for (const outcome of outcomes) expect(await settle(client, "a", stale, outcome)).toEqual([false]);
    expect(await settle(client, "b", fresh ? [fresh] : [], { kind: "ack" })).toEqual([true]);
    expect(await settle(client, "b", fresh ? [fresh] : [], { kind: "ack" })).toEqual([false]);
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 0, delayed: 0, dead: 0 });
  });

  test("settles a mixed batch, each on its own", async () => {
    const client = open();
    await client.enqueue([job(), job(), job(), job()]);
    const jobs = await claim(client, "a");
    await settle(client, "a", jobs.slice(1, 2), { kind: "ack" });
    const outcomes: Outcome[] = [
      { kind: "ack" },
      { kind: "ack" },
      { kind: "retry", delayMs: 3_600_000, error: "x" },
      { kind: "dead", reason: "exhausted", error: "x" },
    ];
    const settlements = jobs.map(({ fence }, i) => ({
      queue,
      fence,
      outcome: outcomes[i] ?? { kind: "ack" as const },
    }));
    expect(await client.settle("a", settlements)).toEqual([true, false, true, true]);
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 0, delayed: 1, dead: 1 });
  });

  test("renewing keeps a lease; without it another worker gets the job", async () => {
    const client = open();
    await client.enqueue([job()]);
    expect((await claim(client, "a")).length).toBe(1);
    for (let beganMs = performance.now(); performance.now() - beganMs < LEASE_MS * 2; ) {
      await Bun.sleep(LEASE_MS / 6);
      const renewedMs = performance.now();
      await client.leases.renew([queue], ["a", "idle"], LEASE_MS);
      const lost = await client.leases.reclaim([queue], LEASE_MS);
      if (performance.now() - renewedMs < LEASE_MS) {
        expect(lost).toBe(0);
      } else if (lost > 0) {
        // We were held up for longer than the lease ourselves: once more, from the start.
        await settle(client, "a", await claim(client, "a"), { kind: "release" });
        expect((await claim(client, "a")).length).toBe(1);
        beganMs = performance.now();
      }
    }
    let freed = 0;
    const endMs = performance.now() + PATIENCE_MS;
    while (freed === 0 && performance.now() < endMs) {
      await Bun.sleep(LEASE_MS / 6);
      freed += await client.leases.reclaim([queue], LEASE_MS);
    }
    expect(freed).toBe(1);
    expect(await claim(client, "b")).toMatchObject([{ attempt: 1 }]);
  });

  test("a dead owner's jobs are free at once, the others' are not", async () => {
    const client = open();
    await client.enqueue([job(), job(), job()]);
    const [first] = await claim(client, "a", 1);
    expect((await claim(client, "b", 2)).length).toBe(2);
    expect(await client.leases.release([queue], "b")).toBe(2);
    expect((await claim(client, "c")).length).toBe(2);
    expect(await settle(client, "a", first ? [first] : [], { kind: "ack" })).toEqual([true]);
  });

  test(`a job whose worker dies ${STALLS_MAX} times is dead: stalled`, async () => {
    const client = open();
    await client.enqueue([job()]);
    for (let i = 0; i < STALLS_MAX; i++) {
      expect((await claim(client, `a${i}`)).length).toBe(1);
      expect(await client.leases.release([queue], `a${i}`)).toBe(1);
    }
    expect(await claim(client, "b")).toEqual([]);
    expect(await client.dead(queue, 10)).toMatchObject([{ reason: "stalled", payload: job().payload }]);
    // Replayed, it has its chances again.
    expect(await client.replay(queue)).toBe(1);
    await claim(client, "b");
    await client.leases.release([queue], "b");
    expect((await claim(client, "c")).length).toBe(1);
  });

  test("hands out what can't be read as a job as broken, and buries it with its text", async () => {
    const client = open();
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

  test("a waiting claim wakes when a job comes, also from another client", async () => {
    const [worker, app] = [open(), open()];
    const waiting = claim(worker, "a", 10, WAIT_MS);
    await Bun.sleep(50);
    const enqueuedAtMs = performance.now();
    await app.enqueue([job()]);
    expect((await waiting).length).toBe(1);
    expect(performance.now() - enqueuedAtMs).toBeLessThan(WAIT_MS / 2);
  });

  test("a waiting claim ends empty at its time, and at once when aborted", async () => {
    const client = open();
    const startMs = performance.now();
    expect(await claim(client, "a", 10, 120)).toEqual([]);
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
    expect((await claim(client, "b", 10, PATIENCE_MS)).length).toBe(1);
  });

  test("counts a queue, and the age of its oldest waiting job", async () => {
    const client = open();
    expect(await client.counts([queue, "never_used"])).toEqual(
      [queue, "never_used"].map((name) => ({
        queue: name,
        waiting: 0,
        delayed: 0,
        running: 0,
        dead: 0,
        oldestMs: 0,
      })),
    );
    await client.enqueue([job(), job(), job(), job({ runAtMs: Date.now() + 3_600_000 })]);
    await Bun.sleep(60);
    await claim(client, "a", 1);
    const seen = await counts(client);
    expect(seen).toMatchObject({ waiting: 2, delayed: 1, running: 1, dead: 0 });
    expect(seen?.oldestMs).toBeGreaterThan(40);
    expect(seen?.oldestMs).toBeLessThan(60_000);
  });

  test("one enqueue over several queues stores them all", async () => {
    const client = open();
    const other = `${queue}-other`;
    await client.enqueue([job(), job({ queue: other }), job({ queue: other })]);
    expect((await client.counts([queue, other])).map(({ waiting }) => waiting)).toEqual([1, 2]);
  });

  test("keeps every job where it must be, in any order of events", async () => {
    const client = open();
    await checkAgainstModel(
      () => client,
      () => `q${++queues}`,
    );
  }, 300_000);

  test("many enqueues and settles at once all arrive", async () => {
    const client = open();
    await Promise.all(Array.from({ length: 500 }, () => client.enqueue([job()])));
    let done = 0;
    while (done < 500) {
      const jobs = await claim(client, "a", 50, 200);
      const applied = await Promise.all(jobs.map((one) => settle(client, "a", [one], { kind: "ack" })));
      expect(applied.flat().every(Boolean)).toBe(true);
      done += jobs.length;
      if (jobs.length === 0) break;
    }
    expect(done).toBe(500);
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 0 });
  });
}
