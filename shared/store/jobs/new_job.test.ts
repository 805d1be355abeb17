import { describe, expect, test } from "bun:test";
import { newJob } from "./new_job.ts";

const NOW_MS = 1_800_000_000_000;
const YEAR_MS = 365.25 * 24 * 3_600_000;

describe("newJob", () => {
  test("leaves to the handler what the caller leaves out", () => {
    const job = newJob("send_email", { to: "a@b" }, {}, NOW_MS);
    expect(job).toEqual({
      id: job.id,
      queue: "default",
      lane: "normal",
      type: "send_email",
      payload: '{"to":"a@b"}',
      attempts: null,
      backoff: null,
      timeoutMs: null,
      runAtMs: 0,
      expiresAtMs: 0,
      unique: null,
      record: null,
      limit: null,
      durable: false,
      enqueuedAtMs: NOW_MS,
      trace: "",
    });
    expect(newJob("cleanup", undefined).payload).toBe("null");
  });

  test("reads attempts, timeout and backoff", () => {
    const job = newJob("x", 1, { attempts: 2, timeout: "30s", backoff: { kind: "fixed", delay: "5s" } });
    expect([job.attempts, job.timeoutMs, job.backoff]).toEqual([2, 30_000, { kind: "fixed", delayMs: 5000 }]);
    expect(newJob("x", 1, { backoff: "exponential" }).backoff).toEqual({
      kind: "exponential",
      delayMs: 1000,
    });
  });

  test("reads delay and at", () => {
    const runAtMs = (options: object) => newJob("x", 1, options, NOW_MS).runAtMs;
    expect(runAtMs({ delay: "1m" })).toBe(NOW_MS + 60_000);
    expect(runAtMs({ delay: 250 })).toBe(NOW_MS + 250);
    expect(runAtMs({ delay: 0 })).toBe(0);
    expect(runAtMs({ delay: 100 * YEAR_MS })).toBe(NOW_MS + 100 * YEAR_MS);
    expect(runAtMs({ at: new Date(NOW_MS + 5) })).toBe(NOW_MS + 5);
    expect(runAtMs({ at: "2100-01-01T00:00:00Z" })).toBe(Date.UTC(2100, 0));
    expect(runAtMs({ at: NOW_MS - 1 })).toBe(0);
    expect(runAtMs({ delay: "1h", expires: "2h" })).toBe(NOW_MS + 3_600_000);
    // One that is late already is dead when its turn comes, as any that is too late.
    expect(newJob("x", 1, { expires: new Date(NOW_MS - 1) }, NOW_MS).expiresAtMs).toBe(NOW_MS - 1);
  });

  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  const wrong: [string, unknown, object, RegExp][] = [
    ["", 1, {}, /type must be a text of 1 to 200/],
    ["x", 1, { delayed: 1 }, /job "x": there is no option "delayed": use queue, lane, delay/],
    ["x", 1, { timeout: "25d" }, /timeout is "25d": it must be at most 24 days, or "0"/],
    ["x", 1, { backoff: { kind: "fixed", dely: 5 } }, /backoff has no "dely"/],
    ["x", { n: 1n }, {}, /can't be written as JSON: .*BigInt/],
    ["x", 1, { queue: "a b" }, /queue is "a b": it must be/],
    ["x", 1, { delay: "soon" }, /delay is "soon": it must be a duration like "30s"/],
    ["x", 1, { delay: -1 }, /delay is -1/],
    ["x", 1, { delay: 1, at: 2 }, /give delay or at, not both/],
    ["x", 1, { at: "tomorrow" }, /at is "tomorrow"/],
    ["x", 1, { at: null }, /at is null/],
    ["x", 1, { at: Number.MAX_SAFE_INTEGER }, /in 100 years at most/],
    ["x", 1, { delay: 1e18 }, /delay is 1000000000000000000: it must be at most 100 years/],
    ["x", 1, { unique: { key: "k".repeat(9_999) } }, /^job "x": unique.key is "k{99}…: it must be a text/],
    ["x", 1, { delay: 100 * YEAR_MS + 1 }, /delay is .*: it must be at most 100 years/],
    [
      "x",
      1,
      { limit: { key: "k", rate: { jobs: 1, per: 0 } } },
      /limit.rate.per is 0: it must be longer than 0/,
    ],
    ["x", 1, { limit: { key: "k", rate: { jobs: 1, per: 1e18 } } }, /limit.rate.per is .* at most 30 days/],
    [
      "x",
      1,
      { unique: { key: "a\ud83d" } },
      /unique.key is .*: it must be a text .* no half of one that takes two/,
    ],
    ["x", 1, { limit: { key: "\udc00", concurrency: 1 } }, /limit.key is .* no half of one that takes two/],
    ["x\ud83d", 1, {}, /type must be a text of 1 to 200/],
    ["x", 1, { at: 1_800_000_000 }, /at is 1970-01-21T20:00:00.000Z: it must be in milliseconds .* seconds/],
    ["x", 1, { at: new Date(1_800_000_000) }, /at is 1970-01-21/],
    ["x", 1, { expires: new Date(1_800_000_000) }, /expires is 1970-01-21.* looks like seconds/],
    ["x", 1, { delay: "2h", expires: "1h" }, /it expires before it may begin: make expires later than delay/],
    ["x", 1, { delay: "1h", expires: "1h" }, /it expires before it may begin/],
    ["x", 1, { at: "2100-01-02", expires: new Date("2100-01-01") }, /make expires later than at/],
    ["x", 1, { attempts: 0 }, /attempts is 0: it must be a whole number from 1 to 1000/],
    ["x", 1, { backoff: "linear" }, /backoff is "linear"/],
    ["x", 1, { backoff: { kind: "fixed", delay: "x" } }, /backoff.delay is "x"/],
    ["x", 1, { timeout: Number.NaN }, /timeout is NaN/],
    ["x", circular, {}, /payload can't be written as JSON/],
    ["x", 1n, {}, /payload can't be written as JSON/],
    ["x", () => 1, {}, /payload is .*: it must be something JSON can carry/],
    ["x", "a".repeat(1024 ** 2), {}, /payload is over 1 MiB/],
  ];
  test("refuses what it can't mean, and says what it could be", () => {
    for (const [type, payload, options, message] of wrong) {
      expect(() => newJob(type, payload, options)).toThrow(message);
    }
  });
});

test("a unique job without a key of its own is the same whatever the order of its payload's keys", () => {
  const keyOf = (payload: unknown) => newJob("x", payload, { unique: true }).unique?.key;
  expect(keyOf({ a: 1, b: { c: [1, 2], d: 2 } })).toBe(keyOf({ b: { d: 2, c: [1, 2] }, a: 1 }) ?? "");
  expect(keyOf({ a: [1, 2] })).not.toBe(keyOf({ a: [2, 1] }) ?? "");
});
