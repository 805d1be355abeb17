import { expect, test } from "bun:test";
import { restartDelayMs } from "./backoff.ts";

test("doubles from 100 ms and stays at 30 s", () => {
  expect([1, 2, 3, 4, 8, 9, 10, 1000, 1e9].map((failures) => restartDelayMs(failures))).toEqual([
    100, 200, 400, 800, 12_800, 25_600, 30_000, 30_000, 30_000,
  ]);
  expect([1, 5, 6, 1000].map((failures) => restartDelayMs(failures, 2_000))).toEqual([
    100, 1_600, 2_000, 2_000,
  ]);
});
