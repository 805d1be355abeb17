/** Redis behind Sentinel: all that a store does, and a primary that dies. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { setRedisClock } from "../../../test/harness/redis_clock.ts";
import { RedisSentinel } from "../../../test/harness/redis_sentinel.ts";
import { until } from "../../../test/harness/until.ts";
import { conformance } from "../../../test/job_store/conformance.ts";
import type { StoreUnderTest } from "../../../test/job_store/store_under_test.ts";
import { endConnection, lastingConnection } from "../redis_connection.ts";
import { newJob } from "./new_job.ts";
import { RedisJobStore } from "./redis.ts";

describe("Redis behind Sentinel", () => {
  let sentinel: RedisSentinel;
  const store: StoreUnderTest = {
    start: async () => {
      sentinel = await RedisSentinel.start(1, "patient");
    },
    stop: () => sentinel[Symbol.asyncDispose](),
    open: () => new RedisJobStore(sentinel.url),
    addBroken: async (queue) => {
      await (await sentinel.primary())?.cli("XADD", `trivet:{${queue}}:s`, "*", "garbage", "in");
    },
    setClock: async (queue, byMs) => setRedisClock(await sentinel.primary(), queue, byMs),
    nowMs: Date.now,
  };
  conformance(store);

  test("a connection that hears of a fail-over while it looks for the primary comes back", async () => {
    const redis = lastingConnection(sentinel.url);
    redis.connect().catch(() => undefined);
    // What ioredis does when a sentinel tells it.
    (redis as unknown as { connector: { disconnect(): void } }).connector.disconnect();
    await until(() => redis.status === "ready", "it is ready");
    endConnection(redis);
    await until(() => redis.status === "end", "it has ended");
  });
});

describe("a primary that dies", () => {
  let sentinel: RedisSentinel;
  beforeAll(async () => {
    sentinel = await RedisSentinel.start(2);
  }, 300_000);
  afterAll(() => sentinel[Symbol.asyncDispose]());

  test("a durable job that was acknowledged is there, once; claims and settles go on", async () => {
    const [app, worker] = [new RedisJobStore(sentinel.url), new RedisJobStore(sentinel.url)];
    const acknowledged = new Set<string>();
    let refused = 0;
    let enqueuing = true;
    const enqueuer = (async () => {
      while (enqueuing) {
        const job = newJob("x", 1, { durable: true });
        await app.enqueue([job]).then(
          () => acknowledged.add(job.id),
          () => refused++,
        );
      }
    })();
    const seen = new Map<string, number>();
    let working = true;
    const { signal } = new AbortController();
    const works = (async () => {
      while (working) {
        try {
          const { jobs } = await worker.claim("default", "w", 10, 200, signal);
          for (const { id } of jobs) seen.set(id, (seen.get(id) ?? 0) + 1);
          const ack = { kind: "ack" as const };
          if (jobs.length > 0)
            await worker.settle(
              "w",
              jobs.map(({ queue, fence }) => ({ queue, fence, outcome: ack })),
            );
        } catch {
          // As the fetcher does: again.
          await Bun.sleep(20);
        }
      }
    })();
    await until(() => acknowledged.size > 50, "jobs are taken");
    const primary = await sentinel.primary();
    await primary?.kill();
    await until(async () => (await sentinel.primary()) !== primary, "a replica takes over", 120_000);
    const before = acknowledged.size;
    await until(() => acknowledged.size > before + 50, "jobs are taken again", 60_000);
    enqueuing = false;
    await enqueuer;
    await until(() => [...acknowledged].every((id) => seen.has(id)), "every one is seen", 60_000);
    working = false;
    await works;
    console.log(
      `Sentinel fail-over: ${acknowledged.size} durable jobs acknowledged, ${refused} refused, 0 lost, ${[...seen.values()].filter((times) => times > 1).length} seen twice`,
    );
    await Promise.all([app.close(), worker.close()]);
  }, 300_000);

  test("without a replica a durable job is refused with a sentence", async () => {
    const alone = (await sentinel.primary())?.url ?? "";
    for (const server of sentinel.servers) if (server.url !== alone) await server.kill();
    const store = new RedisJobStore(alone);
    await expect(store.enqueue([newJob("x", 1, { queue: "alone", durable: true })])).rejects.toThrow(
      "no replica has confirmed a durable job in time",
    );
    await store.close();
  }, 300_000);
});
