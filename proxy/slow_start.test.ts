import { expect, test } from "bun:test";
import { rampOf } from "./slow_start.ts";

test.each([
  ["never away", 0, 10_000, 5_000, 1],
  ["no slow start", 1_000, 0, 1_001, 1],
  ["just back", 1_000, 10_000, 1_000, 0.01],
  ["half way", 1_000, 10_000, 6_000, 0.5],
  ["over", 1_000, 10_000, 20_000, 1],
  ["a clock set back", 5_000, 10_000, 1_000, 0.01],
])("%s", (_, recoveredAtMs, slowStartMs, nowMs, part) => {
  expect(rampOf(recoveredAtMs, slowStartMs, nowMs)).toBe(part);
});
