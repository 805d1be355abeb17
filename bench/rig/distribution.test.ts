import { expect, test } from "bun:test";
import { Distribution, median } from "./distribution.ts";

test("percentiles are values that were added", () => {
  const values = new Distribution(100);
  for (let i = 100; i >= 1; i--) values.add(i);
  expect(values.percentiles([0, 0.5, 0.99, 1])).toEqual([1, 50, 99, 100]);
});

test("what exceeds the room is not kept; of nothing there are no percentiles", () => {
  const values = new Distribution(1);
  expect(values.percentiles([0.5])).toEqual([Number.NaN]);
  values.add(1);
  values.add(2);
  expect(values.count).toBe(1);
});

test("the median of an even number is between the middle two", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
});
