import { expect, test } from "bun:test";
import { judge, type RecycleLimits, requestLimit, type Vitals } from "./recycle.ts";

const WELL: Vitals = { asked: undefined, memoryBytes: 100 * 1024 * 1024, ageMs: 60_000, silentMs: 900 };
const LIMITS: RecycleLimits = { memoryBytes: 200 * 1024 * 1024, ageMs: 3_600_000, hangMs: 60_000 };
const NONE: RecycleLimits = { memoryBytes: 0, ageMs: 0, hangMs: 0 };

test("a child that is well is kept, also at the very limit of memory", () => {
  expect(judge(WELL, LIMITS)).toEqual({ action: "keep" });
  expect(judge({ ...WELL, memoryBytes: LIMITS.memoryBytes }, LIMITS)).toEqual({ action: "keep" });
});

test.each([
  [{ asked: "max_requests" }, "replace", "max_requests", "has had its max_requests"],
  [{ asked: "term" }, "replace", "term", "was sent TERM"],
  [{ asked: "fault" }, "replace", "fault", "has run code that left something behind"],
  [{ memoryBytes: 300.4 * 1024 * 1024 }, "replace", "max_memory", "uses 300 MiB, more than max_memory"],
  [{ ageMs: 3_600_000 }, "replace", "max_age", "is 3600 s old, its max_age"],
  [{ silentMs: 60_000 }, "kill", "hang", "gave no sign of life for 60 s"],
  [{ silentMs: 60_000, asked: "term" }, "kill", "hang", "gave no sign of life for 60 s"],
] as const)("%p: %s for %s", (change, action, reason, why) => {
  expect(judge({ ...WELL, ...change }, LIMITS)).toEqual({ action, reason, why });
});

test("0 is no limit", () => {
  const extreme = { ...WELL, memoryBytes: 2 ** 50, ageMs: 2 ** 50, silentMs: 2 ** 50 };
  expect(judge(extreme, NONE)).toEqual({ action: "keep" });
  expect(judge({ ...extreme, asked: "max_requests" }, NONE)).toMatchObject({ action: "replace" });
});

test("the requests of a child vary by the jitter, and are at least one", () => {
  expect([0, 0.5, 1].map((random) => requestLimit(1000, 0.1, random))).toEqual([900, 1000, 1100]);
  expect(requestLimit(1000, 0, 0.9)).toBe(1000);
  expect(requestLimit(1, 1, 0)).toBe(1);
  expect(requestLimit(0, 0.5, 1)).toBe(0);
});
