import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { RedisServer } from "../../../test/harness/redis_server.ts";
import { until } from "../../../test/harness/until.ts";
import { conformance, type StoreUnderTest } from "./conformance.ts";
import { deskConformance } from "./desk_conformance.ts";
import { newJob } from "./new_job.ts";
import { optionConformance } from "./option_conformance.ts";
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
  };
  beforeAll(() => store.start());
  afterAll(() => store.stop());
  describe("jobs", () => conformance(store));
  describe("jobs with options, queues with rules", () => optionConformance(store));
  describe("single jobs in an operator's hands", () => deskConformance(store));
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

  test("a claim whose connection was cut: what it was leased is found by the next one", async () => {
    const store = new RedisJobStore(redis.url);
    const stream = "trivet:{lost}:s";
    await store.enqueue([newJob("x", 1, { queue: "lost" }), newJob("x", 2, { queue: "lost" })]);
    const { jobs } = await store.claim("lost", "a", 1, 0, signal);
    await redis.cli("XREADGROUP", "GROUP", "w", "a", "COUNT", "1", "STREAMS", stream, ">");
    const waiting = store.claim("lost", "a", 1, 10_000, signal);
    await blocked();
    await redis.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await expect(waiting).rejects.toThrow(/^Redis at 127\.0\.0\.1:/);
    // As the fetcher does: a call that meets the lost connection is made again.
    const found = await until(() => store.claim("lost", "a", 10, 0, signal), "a claim is answered");
    expect(found.jobs.map(({ payload }) => payload)).toEqual(["2"]);
    const settlements = [...jobs, ...found.jobs].map(({ queue, fence }) => {
      return { queue, fence, outcome: { kind: "ack" as const } };
    });
    expect(await store.settle("a", settlements)).toEqual([true, true]);
    await store.close();
  });

  test("away: calls fail with a sentence, an enqueue waits for its return", async () => {
    const store = new RedisJobStore(redis.url);
    await store.enqueue([newJob("x", 1, { queue: "away" })]);
    await redis.kill();
    await expect(store.counts(["away"])).rejects.toThrow(
      /start Redis or set store\.url|Connection is closed/,
    );
    const waiting = store.enqueue([newJob("x", 2, { queue: "away" })]);
    await redis.start();
    await waiting;
    expect((await store.counts(["away"]))[0]?.waiting).toBe(2);
    await store.close();
  });
});
