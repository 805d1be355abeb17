import { expect, test } from "bun:test";
import { checkClock, checkClockApart, clockIsKept } from "./clock.ts";

test("the kernel says whether its clock is kept", () => {
  expect([true, false, undefined]).toContain(clockIsKept());
  expect(checkClock(true)).toMatchObject([{ verdict: "ok" }]);
  expect(checkClock(false)).toMatchObject([{ verdict: "advice" }]);
  expect(checkClock(undefined)).toEqual([]);
});

test.each([
  [20, "ok"],
  [-5000, "advice"],
  [31_000, "broken"],
  [-31_000, "broken"],
])("%i ms apart: %s", (ms, verdict) => {
  expect(checkClockApart("Redis", ms).verdict).toBe(verdict as "ok");
});
