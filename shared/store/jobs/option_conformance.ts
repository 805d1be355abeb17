/** What every job store does for jobs with options, and for queues with rules. */
import { afterEach, expect, test } from "bun:test";
import { until } from "../../../test/harness/until.ts";
import type { StoreUnderTest } from "./conformance.ts";
import type { ClaimedJob, NewJob, Outcome } from "./job.ts";
import type { JobStore } from "./job_store.ts";
import { type EnqueueOptions, newJob } from "./new_job.ts";
import { checkOptionsAgainstModel } from "./option_model_conformance.ts";

/** Only what is broken takes this long, on a busy machine too. */
const PATIENCE_MS = 30_000;
const { signal } = new AbortController();

export function optionConformance(store: StoreUnderTest): void {
  let opened: JobStore[] = [];
  let queue = "";
  let queues = 0;

  afterEach(async () => {
    for (const client of opened) await client.close();
    opened = [];
  });

  /** A fresh client, and a queue no other test has used. */
  function open(): JobStore {
    if (opened.length === 0) queue = `o${++queues}`;
    const client = store.open();
    opened.push(client);
    return client;
  }

  const job = (options: EnqueueOptions = {}, type = "x"): NewJob => newJob(type, 1, { queue, ...options });

  async function claim(client: JobStore, max = 10, waitMs = 0, owner = "a"): Promise<ClaimedJob[]> {
    return (await client.claim(queue, owner, max, waitMs, signal)).jobs;
  }

  function settle(client: JobStore, jobs: readonly ClaimedJob[], outcome: Outcome, owner = "a") {
    return client.settle(
      owner,
      jobs.map(({ fence }) => ({ queue, fence, outcome })),
    );
  }

  /** As the supervisor does it: let go what may, then claim, until something comes. */
  async function claimSoon(client: JobStore, max = 10): Promise<ClaimedJob[]> {
    const endMs = performance.now() + PATIENCE_MS;
    while (performance.now() < endMs) {
      await client.leases.promote([queue], 100);
      const jobs = await claim(client, max, 10);
      if (jobs.length > 0) return jobs;
    }
    return [];
  }

  const idsOf = (jobs: readonly { id: string }[]) => jobs.map(({ id }) => id);
  const counts = async (client: JobStore) => (await client.counts([queue]))[0];

  test("keeps every option", async () => {
    const client = open();
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

  test("lanes: high before normal before low, and none starves", async () => {
    const client = open();
    const many = (lane: "high" | "normal" | "low") => Array.from({ length: 40 }, () => job({ lane }));
    await client.enqueue([...many("low"), ...many("normal"), ...many("high")]);
    const seen: string[] = [];
    for (let i = 0; i < 32; i++) seen.push(...(await claim(client, 1)).map(({ lane }) => lane));
    const times = (lane: string) => seen.filter((one) => one === lane).length;
    expect(seen.slice(0, 2)).toEqual(["high", "high"]);
    expect([times("high"), times("normal"), times("low")]).toEqual([24, 6, 2]);
    expect((await claim(client, 1000)).length).toBe(88);
    expect(await claim(client, 1)).toEqual([]);
    // A lane survives a retry, a delay and a lost worker.
    await client.enqueue([job({ lane: "low", delay: 20 })]);
    const [low] = await claimSoon(client);
    await settle(client, low ? [low] : [], { kind: "retry", delayMs: 20, error: "x" });
    expect(await claimSoon(client)).toMatchObject([{ lane: "low", attempt: 2 }]);
  });

  test("a waiting claim is woken by every lane", async () => {
    const client = open();
    for (const lane of ["low", "high", "normal"] as const) {
      const waiting = claim(client, 1, PATIENCE_MS);
      await Bun.sleep(30);
      await client.enqueue([job({ lane })]);
      expect(await waiting).toMatchObject([{ lane }]);
    }
  });

  test("an id of one's own is added once, also after its end, and is the queue's", async () => {
    const client = open();
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
    const client = open();
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
    const client = open();
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

  test("a record tells where the job is", async () => {
    const client = open();
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
    const [worker, app] = [open(), open()];
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

  test("dead and replayed, the record follows", async () => {
    const client = open();
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

  test("a cancelled job never runs; a running one is told", async () => {
    const client = open();
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

  test("a retried job remembers its failures; dead jobs are found by type and reason", async () => {
    const client = open();
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

  test("a paused queue gives nothing, to whoever waits, until it goes on", async () => {
    const [one, two] = [open(), open()];
    const waiting = claim(one, 10, PATIENCE_MS);
    await Bun.sleep(30);
    await two.setRules(queue, { paused: true });
    expect(await one.rules(queue)).toMatchObject({ paused: true });
    await two.enqueue([job()]);
    expect(await claim(two, 10, 60, "b")).toEqual([]);
    expect(await Promise.race([waiting, Bun.sleep(50).then(() => "waits")])).toBe("waits");
    expect(await counts(two)).toMatchObject({ waiting: 1, running: 0 });
    await two.setRules(queue, { paused: false });
    expect((await waiting).length).toBe(1);
  });

  test("a limit of a key holds back the others of it, and lets go one for each that leaves", async () => {
    const client = open();
    const limited = (key: string) => job({ limit: { key, concurrency: 2 } });
    await client.enqueue([limited("a"), limited("a"), limited("a"), limited("a"), limited("b"), job()]);
    const first = await claim(client);
    expect(first.map(({ limit }) => limit?.key)).toEqual(["a", "a", "b", undefined]);
    expect(await counts(client)).toMatchObject({ waiting: 2, running: 4 });
    expect(await claim(client)).toEqual([]);
    await settle(client, first.slice(0, 1), { kind: "ack" });
    const [third, ...none] = await claimSoon(client);
    expect([third?.limit?.key, none.length]).toEqual(["a", 0]);
    // However it leaves: retried, then dead, then with its worker.
    await settle(client, third ? [third] : [], { kind: "retry", delayMs: 3_600_000, error: "x" });
    expect((await claimSoon(client)).length).toBe(1);
    await client.enqueue([limited("a")]);
    expect(await claim(client)).toEqual([]);
    await client.leases.release([queue], "a");
    const last: ClaimedJob[] = [];
    while (last.length < 4) last.push(...(await claimSoon(client)));
    expect(last.filter(({ limit }) => limit?.key === "a").length).toBe(2);
    await settle(client, last, { kind: "ack" });
    expect((await claimSoon(client)).length).toBe(1);
    expect(await counts(client)).toMatchObject({ waiting: 0, delayed: 1, running: 1 });
  });

  test("a limit of the queue is one over all of it, in the order of lanes", async () => {
    const client = open();
    await client.setRules(queue, { concurrency: 1 });
    await client.enqueue([
      job(),
      job({ lane: "low" }),
      job(),
      job({ lane: "high", limit: { key: "k", concurrency: 1 } }),
    ]);
    const lanes: string[] = [];
    for (let i = 0; i < 4; i++) {
      const jobs = await claimSoon(client);
      expect(jobs.length).toBe(1);
      expect(await claim(client)).toEqual([]);
      lanes.push(...jobs.map(({ lane }) => lane));
      await settle(client, jobs, { kind: "ack" });
    }
    expect(lanes).toEqual(["high", "normal", "normal", "low"]);
    await client.enqueue([job(), job(), job()]);
    expect((await claim(client)).length).toBe(1);
    await client.setRules(queue, { concurrency: 0 });
    await client.leases.release([queue], "a");
    const rest: ClaimedJob[] = [];
    while (rest.length < 3) rest.push(...(await claimSoon(client)));
    expect(await counts(client)).toMatchObject({ waiting: 0, running: 3 });
  });

  test("a rate lets so many begin at once, then evenly", async () => {
    const client = open();
    const slow = { jobs: 4, per: "1h" };
    await client.enqueue(Array.from({ length: 5 }, () => job({ limit: { key: "slow", rate: slow } })));
    const first = await claim(client);
    expect(first.length).toBe(4);
    expect(await claim(client)).toEqual([]);
    await settle(client, first, { kind: "ack" });
    const rate = { jobs: 4, per: 400 };
    const startMs = performance.now();
    await client.enqueue(Array.from({ length: 8 }, () => job({ limit: { key: "r", rate } })));
    expect((await claim(client, 4)).length).toBe(4);
    const beganMs: number[] = [];
    while (beganMs.length < 4 && performance.now() - startMs < PATIENCE_MS) {
      for (const one of await claimSoon(client)) {
        beganMs.push(performance.now() - startMs);
        await settle(client, [one], { kind: "ack" });
      }
    }
    for (const [i, atMs] of beganMs.entries()) expect(atMs).toBeGreaterThan((i + 1) * 100 - 15);
    // Of those by the hour.
    expect(await counts(client)).toMatchObject({ waiting: 1 });
  });

  test("a cancelled job that a limit had let go lets the next one go", async () => {
    const client = open();
    const limited = (id: string) => job({ id, limit: { key: "c", concurrency: 1 } });
    await client.enqueue([limited("1"), limited("2"), limited("3")]);
    const first = await claim(client);
    await settle(client, first, { kind: "ack" });
    expect(await client.records.cancel("2")).toBe(true);
    expect(idsOf(await claimSoon(client))).toEqual(["3"]);
  });

  test("many limited jobs at once all run, never more at a time than may", async () => {
    const [one, two] = [open(), open()];
    const limited = (i: number) => job({ limit: { key: `k${i % 3}`, concurrency: 2 } });
    await one.enqueue(Array.from({ length: 60 }, (_, i) => limited(i)));
    const running = new Map<string, number>();
    let [done, most] = [0, 0];
    const work = async (client: JobStore, owner: string) => {
      while (done < 60) {
        await client.leases.promote([queue], 10);
        const jobs = await claim(client, 4, 20, owner);
        for (const { limit } of jobs) running.set(limit?.key ?? "", (running.get(limit?.key ?? "") ?? 0) + 1);
        most = Math.max(most, ...running.values());
        await Bun.sleep(1);
        // Before the store hears of it: it may let the next one go at once.
        for (const { limit } of jobs) running.set(limit?.key ?? "", (running.get(limit?.key ?? "") ?? 0) - 1);
        await settle(client, jobs, { kind: "ack" }, owner);
        done += jobs.length;
      }
    };
    await Promise.all([work(one, "a"), work(two, "b")]);
    expect(most).toBe(2);
    expect(await counts(one)).toMatchObject({ waiting: 0, running: 0 });
  }, 120_000);

  test("remembers up to when a cron was looked after, and never goes back", async () => {
    const client = open();
    expect(await client.crons.last(queue)).toBeUndefined();
    await client.crons.done(queue, 1_800_000_000_000);
    await client.crons.done(queue, 1_700_000_000_000);
    expect(await client.crons.last(queue)).toBe(1_800_000_000_000);
  });

  test("a record is gone when its time is over, and its id is free", async () => {
    const client = open();
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

  test("a job of as far ahead as may be has its place, its lock and its record", async () => {
    const client = open();
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

  test("a delayed job that is cancelled is gone at once, and others of the same moment stay", async () => {
    const client = open();
    const at = new Date(Date.now() + 3_600_000);
    const [gone, stays] = [job({ id: `${queue}-gone`, at }), job({ id: `${queue}-stays`, at })];
    await client.enqueue([gone, stays]);
    expect(await client.records.cancel(gone.id)).toBe(true);
    expect(await counts(client)).toMatchObject({ delayed: 1 });
    expect(await client.records.get(gone.id)).toMatchObject({ state: "cancelled" });
    expect(await client.records.get(stays.id)).toMatchObject({ state: "delayed" });
  });

  test("a waiting job that is cancelled is gone at once, also one that a limit holds back", async () => {
    const client = open();
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

  test("a claim that does not wait looks past jobs that are cancelled or held back", async () => {
    const client = open();
    const limit = { key: "k", concurrency: 1 };
    const [gone, running, held, free] = [job({ id: `${queue}-gone` }), job({ limit }), job({ limit }), job()];
    await client.enqueue([gone, running, held, free]);
    expect(await client.records.cancel(gone.id)).toBe(true);
    expect(idsOf(await claim(client, 1))).toEqual([running.id]);
    expect(idsOf(await claim(client, 1))).toEqual([free.id]);
    expect(await claim(client, 1)).toEqual([]);
  });

  test("loses nothing and breaks no limit, in any order of events, crashes and clock steps", async () => {
    const client = open();
    await checkOptionsAgainstModel(
      () => client,
      () => `o${++queues}`,
      store,
    );
  }, 300_000);
}
