import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import { setRedisClock } from "../../../test/harness/redis_clock.ts";
import { RedisServer } from "../../../test/harness/redis_server.ts";
import { until } from "../../../test/harness/until.ts";
import { conformance } from "../../../test/job_store/conformance.ts";
import type { StoreUnderTest } from "../../../test/job_store/store_under_test.ts";
import type { ClaimedJob, Outcome } from "./job.ts";
import { type EnqueueOptions, newJob } from "./new_job.ts";
import { RedisJobStore } from "./redis.ts";

describe("Redis Streams", () => {
  let redis: RedisServer;
  const store: StoreUnderTest = {
    start: async () => {
      redis = await RedisServer.start();
    },
    stop: () => redis[Symbol.asyncDispose](),
    open: () => new RedisJobStore(redis.url),
    addBroken: async (queue) => {
      await redis.cli("XADD", `trivet:{${queue}}:s`, "*", "garbage", "in");
    },
    setClock: (queue, byMs) => setRedisClock(redis, queue, byMs),
    nowMs: Date.now,
  };
  conformance(store);

  test("a durable job is refused at once, and not stored, where no replica ever was", async () => {
    const uptime = async () => /uptime_in_seconds:(\d+)/.exec(await redis.cli("INFO", "server"))?.[1];
    // Until then a replica may be on its way.
    await until(async () => Number(await uptime()) >= 15, "Redis has run for a while", 60_000);
    const client = store.open();
    await expect(client.enqueue([newJob("x", 1, { queue: "alone", durable: true })])).rejects.toThrow(
      "has no replica, and a durable job needs one",
    );
    expect(await client.counts(["alone"])).toMatchObject([{ waiting: 0 }]);
    await client.close();
  }, 120_000);
});

describe("a Redis that has its troubles", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  const { signal } = new AbortController();
  const blocked = () =>
    until(async () => (await redis.cli("INFO", "clients")).includes("blocked_clients:1"), "the claim waits");

  test("emptied while a claim waits: the group is made anew and the claim goes on", async () => {
    const store = new RedisJobStore(redis.url);
    await store.enqueue([newJob("x", 1)]);
    expect((await store.claim("default", "a", 10, 0, signal)).jobs).toHaveLength(1);
    const waiting = store.claim("default", "a", 10, 10_000, signal);
    await blocked();
    await redis.cli("FLUSHALL");
    await store.enqueue([newJob("x", 2)]);
    expect((await waiting).jobs.map(({ payload }) => payload)).toEqual(["2"]);
    await store.close();
  });

  test("emptied under an app that goes on: its queue is known again by its next job", async () => {
    const store = new RedisJobStore(redis.url);
    for (let i = 0; i < 2; i++) {
      const [id = ""] = await store.enqueue([newJob("x", i, { queue: "flushed", track: true })]);
      expect(await store.records.get(id)).toMatchObject({ queue: "flushed", state: "waiting" });
      await store.enqueue([newJob("x", i, { queue: "flushed_plain" })]);
      expect(await store.desk.queues()).toEqual(expect.arrayContaining(["flushed", "flushed_plain"]));
      await redis.cli("FLUSHALL");
    }
    await store.close();
  });

  test("a claim whose connection was cut: what it was leased is found by the next one", async () => {
    const store = new RedisJobStore(redis.url);
    const stream = "trivet:{lost}:s";
    await store.enqueue([newJob("x", 1, { queue: "lost" }), newJob("x", 2, { queue: "lost" })]);
    const { jobs } = await store.claim("lost", "a", 1, 0, signal);
    await redis.cli("XREADGROUP", "GROUP", "w", "a", "COUNT", "1", "STREAMS", stream, ">");
    const waiting = store.claim("lost", "a", 1, 10_000, signal);
    // Listened to before it fails: the command line may end after that.
    const refusal = waiting.catch((error: Error) => error.message);
    await blocked();
    await redis.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    expect(await refusal).toMatch(/^Redis at 127\.0\.0\.1:/);
    // As the fetcher does: a call that meets the lost connection is made again.
    const found = await until(() => store.claim("lost", "a", 10, 0, signal), "a claim is answered");
    expect(found.jobs.map(({ payload }) => payload)).toEqual(["2"]);
    const settlements = [...jobs, ...found.jobs].map(({ queue, fence }) => {
      return { queue, fence, outcome: { kind: "ack" as const } };
    });
    expect(await store.settle("a", settlements)).toEqual([true, true]);
    await store.close();
  });

  test("a job that is cancelled while a worker reads it is gone, and never runs", async () => {
    const store = new RedisJobStore(redis.url);
    const stream = "trivet:{between}:s";
    expect((await store.claim("between", "a", 10, 0, signal)).jobs).toEqual([]);
    await store.enqueue([newJob("x", 1, { queue: "between", id: "between" })]);
    // As far as a claim is before it asks whether the job may run.
    const read = await redis.cli("XREADGROUP", "GROUP", "w", "a", "COUNT", "1", "STREAMS", stream, ">");
    const [, id = ""] = /(\d+-\d+)/.exec(read) ?? [];
    expect(await store.records.cancel("between")).toBe(true);
    expect((await store.counts(["between"]))[0]).toMatchObject({ waiting: 0, running: 0 });
    expect(await redis.cli("XPENDING", stream, "w", id, id, "1")).toBe("");
    expect((await store.claim("between", "b", 10, 0, signal)).jobs).toEqual([]);
    await store.close();
  });

  test("its last second lost with the power: what it still has goes on, and nothing is stuck", async () => {
    const store = new RedisJobStore(redis.url);
    const make = (id: string, options: EnqueueOptions) => newJob("x", id, { queue: "power", id, ...options });
    const claim = () => store.claim("power", "a", 10, 0, signal).then(({ jobs }) => jobs);
    const ack = (jobs: readonly ClaimedJob[]) =>
      store.settle(
        "a",
        jobs.map(({ queue, fence }) => ({ queue, fence, outcome: { kind: "ack" as const } })),
      );
    const idsOf = (jobs: readonly { id: string }[]) => jobs.map(({ id }) => id);
    const limit = { key: "k", concurrency: 1 };
    await store.enqueue([
      make("unique", { unique: { key: "u" } }),
      make("holds", { limit }),
      make("held", { limit }),
    ]);
    const begun = await claim();
    expect(idsOf(begun)).toEqual(["unique", "holds"]);
    const bytes = await redis.writtenBytes();
    // All of this will not have been.
    expect(await ack(begun)).toEqual([true, true]);
    const late = await claim();
    expect(idsOf(late)).toEqual(["held"]);
    const lost = make("lost", { unique: { key: "l" } });
    expect(await store.enqueue([lost, newJob("x", 1, { queue: "new" })])).toHaveLength(2);
    await redis.losePower(bytes);
    expect((await store.counts(["power"]))[0]).toMatchObject({ waiting: 1, running: 2 });
    // As the fetcher does: a claim that meets the lost connection is made again.
    const again = await until(() => claim().catch(() => undefined), "a claim is answered");
    expect(idsOf(again)).toEqual(["unique", "holds"]);
    expect(await ack(late)).toEqual([false]);
    expect(await ack(again)).toEqual([true, true]);
    expect(idsOf(await claim())).toEqual(["held"]);
    const next = make("next", { unique: { key: "u" } });
    expect(await store.enqueue([next, lost])).toEqual(["next", "lost"]);
    expect(idsOf(await claim())).toEqual(["next", "lost"]);
    await store.enqueue([newJob("x", 2, { queue: "new" })]);
    expect(await store.desk.queues()).toContain("new");
    await store.close();
  });

  test("away: calls fail with a sentence, an enqueue waits for its return", async () => {
    const store = new RedisJobStore(redis.url);
    await store.enqueue([newJob("x", 1, { queue: "away" })]);
    await redis.kill();
    await expect(store.counts(["away"])).rejects.toThrow(
      /start Redis or set store\.url|the connection was lost/,
    );
    const waiting = store.enqueue([newJob("x", 2, { queue: "away" })]);
    await redis.start();
    await waiting;
    expect((await store.counts(["away"]))[0]?.waiting).toBe(2);
    await store.close();
  });

  test("its memory full: nothing new comes in, all that is there can be begun, ended and moved", async () => {
    const store = new RedisJobStore(redis.url);
    const make = (options: EnqueueOptions) => newJob("x", 1, { queue: "full", ...options });
    const rate = { jobs: 100, per: "1h" };
    const idsOf = (jobs: readonly ClaimedJob[]) => jobs.map(({ id }) => id).toSorted();
    const claim = async () => (await store.claim("full", "a", 10, 0, signal)).jobs;
    const named = (id: string, key = id) => make({ id, keep: "1h", limit: { key, concurrency: 1, rate } });
    const outcomes: Record<string, Outcome> = {
      ack: { kind: "ack", result: '"kept"' },
      retry: { kind: "retry", delayMs: 3_600_000, error: "boom" },
      defer: { kind: "defer", delayMs: 3_600_000, error: "not here", history: [], begun: false },
      dead: { kind: "dead", reason: "exhausted", error: "boom" },
      release: { kind: "release" },
    };
    const names = Object.keys(outcomes);
    await store.enqueue(names.map((name) => named(name)));
    await store.enqueue([
      named("held", "ack"),
      make({ id: "late", delay: "1h" }),
      make({ id: "soon", delay: 1 }),
    ]);
    await redis.cli("CONFIG", "SET", "maxmemory", "1");
    try {
      await expect(store.enqueue([make({})])).rejects.toThrow("its memory is full (maxmemory)");
      await expect(store.enqueue([named("new")])).rejects.toThrow("its memory is full (maxmemory)");
      const jobs = await claim();
      expect(idsOf(jobs)).toEqual(names.toSorted());
      const notes = jobs.map(({ queue, fence, id }) => ({ queue, fence, id, progress: "1" }));
      expect(await store.note(notes)).toEqual(names.map(() => false));
      const settlements = jobs.map(({ queue, fence, id }) => ({ queue, fence, outcome: outcomes[id]! }));
      expect(await store.settle("a", settlements)).toEqual(names.map(() => true));
      expect(await store.records.get("ack")).toMatchObject({
        state: "done",
        result: '"kept"',
        progress: "1",
      });
      const moved = await until(async () => {
        await store.leases.promote(["full"], 100);
        return (await store.counts(["full"]))[0]?.waiting === 3 && (await claim());
      }, "what was held back or waited for its moment may begin");
      expect(idsOf(moved || [])).toEqual(["held", "release", "soon"]);
      const died = { kind: "died", alone: false, how: "it ended with code 7" } as const;
      expect(await store.leases.release(["full"], "a", died)).toBe(3);
      expect((await store.claim("full", "b", 10, 0, signal, true)).jobs.length).toBe(3);
      expect(await store.desk.hurry("full", ["late"])).toEqual(["late"]);
      expect(await store.desk.kill("full", ["late"])).toEqual(["late"]);
      expect(await store.replay("full", { ids: ["late"] })).toBe(1);
      expect(await store.records.cancel("retry")).toBe(true);
      await store.setRules("full", { paused: true });
      expect(await store.rules("full")).toMatchObject({ paused: true });
      await expect(store.leases.reclaim(["full"], 60_000)).rejects.toThrow("its memory is full");
    } finally {
      await redis.cli("CONFIG", "SET", "maxmemory", "0");
    }
    await store.enqueue([make({})]);
    await store.close();
  });

  test("an enqueue that Redis refuses is not remembered as done", async () => {
    const store = new RedisJobStore(redis.url);
    await redis.cli("SET", "trivet:{odd}:s", "no stream");
    await expect(store.enqueue([newJob("x", 1, { queue: "odd" })])).rejects.toThrow(/WRONGTYPE/);
    expect(await redis.cli("KEYS", "trivet:{odd}:e:*")).toBe("");
    await redis.cli("DEL", "trivet:{odd}:s");
    await store.enqueue([newJob("x", 1, { queue: "odd" })]);
    expect((await store.counts(["odd"]))[0]?.waiting).toBe(1);
    await store.close();
  });

  test("an enqueue whose reply was lost is made again, and stored once", async () => {
    // Between us and Redis: passes on what we say, and cuts the line instead of the first answers to an enqueue.
    let [cuts, enqueues] = [0, 0];
    const proxy = Bun.listen<{ server: Promise<Socket<Socket<unknown>>>; enqueues: boolean }>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open(client) {
          const server = Bun.connect<Socket<unknown>>({
            hostname: "127.0.0.1",
            port: redis.port,
            socket: {
              data(_server, chunk) {
                if (client.data.enqueues && cuts < 2) {
                  cuts++;
                  client.terminate();
                } else client.write(chunk);
              },
              close: () => {
                client.end();
              },
            },
          });
          client.data = { server, enqueues: false };
        },
        async data(client, chunk) {
          const text = chunk.toString();
          if (/EVAL(SHA)?\r\n/i.test(text) && text.includes("trivet:{cut}:")) {
            client.data.enqueues = true;
            enqueues++;
          }
          (await client.data.server).write(chunk);
        },
        close: (client) => void client.data.server.then((server) => server.end()),
      },
    });
    // Redis must know the script already: else the answers are that it does not.
    const other = new RedisJobStore(redis.url);
    await other.enqueue([newJob("x", 1, { queue: "other" })]);
    await other.close();
    const store = new RedisJobStore(`redis://127.0.0.1:${proxy.port}`);
    const jobs = Array.from({ length: 3 }, () => newJob("x", 1, { queue: "cut" }));
    const unique = newJob("x", 1, { queue: "cut", unique: true });
    const own = newJob("x", 1, { queue: "cut", id: "own" });
    const ids = [...jobs, unique, own].map(({ id }) => id);
    expect(await store.enqueue([...jobs, unique, own])).toEqual(ids);
    expect(cuts).toBe(2);
    expect(enqueues).toBeGreaterThanOrEqual(3);
    expect((await store.counts(["cut"]))[0]?.waiting).toBe(5);
    await store.close();
    proxy.stop(true);
  }, 120_000);
});
