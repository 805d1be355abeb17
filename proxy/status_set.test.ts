import { expect, test } from "bun:test";
import { StatusSet } from "./status_set.ts";

test.each([
  ["2xx,3xx", [200, 204, 299, 301, 399], [199, 400, 500, 100]],
  ["200", [200], [201, 199]],
  ["200, 204-206", [200, 204, 205, 206], [201, 203, 207]],
  ["2xx-4xx", [200, 499], [199, 500]],
  ["404", [404], [200]],
])("%s", (text, inside, outside) => {
  const set = new StatusSet(text);
  expect(inside.filter((status) => !set.has(status))).toEqual([]);
  expect(outside.filter((status) => set.has(status))).toEqual([]);
});
