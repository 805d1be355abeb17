import { expect, test } from "bun:test";
import { laneNumbered, laneOrder } from "./lane.ts";

test("high lanes come first most of the time, and every lane comes first now and then", () => {
  const firsts = Array.from({ length: 160 }, (_, turn) => laneOrder(turn)[0]);
  const times = [0, 1, 2].map((lane) => firsts.filter((first) => first === lane).length);
  expect(times).toEqual([120, 30, 10]);
  for (let turn = 0; turn < 16; turn++) expect([...laneOrder(turn)].sort()).toEqual([0, 1, 2]);
});

test("a lane is known by its number", () => {
  expect([0, 1, 2].map(laneNumbered)).toEqual(["high", "normal", "low"]);
  expect(() => laneNumbered(3)).toThrow("lane 3");
});
