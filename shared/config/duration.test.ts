import { expect, test } from "bun:test";
import { parseDuration } from "./duration.ts";

test.each([
  ["0", 0],
  ["250ms", 250],
  ["5s", 5_000],
  ["1.5s", 1_500],
  ["1m", 60_000],
  ["1h", 3_600_000],
  ["30d", 2_592_000_000],
])("%s is %d ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["", "5", "5 s", "-1s", "s", "1w", "1s2s", "1e3s", ".5s"])("%p is no duration", (text) => {
  expect(() => parseDuration(text)).toThrow(RangeError);
});
