import { expect, test } from "bun:test";
import { shareOf } from "./share.ts";

test.each([
  [0, 2, [Infinity, Infinity]],
  [10, 1, [10]],
  [10, 3, [4, 3, 3]],
  [4, 4, [1, 1, 1, 1]],
  [1, 2, [1, 1]],
])("%p over %p processes", (limit, processes, shares) => {
  expect(shares.map((_, process) => shareOf(limit, process, processes))).toEqual(shares);
});
