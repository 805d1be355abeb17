import { expect, test } from "bun:test";
import { SeenTime } from "./seen_time.ts";

function asked(everyMs: number) {
  let nowMs = 0;
  const time = new SeenTime(everyMs, () => nowMs);
  const after = (ms: number) => {
    nowMs += ms;
    return time.reaches(1000);
  };
  return { time, after };
}

test("what passes look by look counts", () => {
  const { time, after } = asked(20);
  for (let i = 0; i < 49; i++) expect(after(20)).toBe(false);
  expect(after(20)).toBe(true);
  expect(after(20)).toBe(true);
  time.reset();
  expect(after(20)).toBe(false);
});

test("a time without a look counts as a few looks, and the next one decides", () => {
  const { after } = asked(20);
  expect(after(10_000)).toBe(false);
  for (let i = 0; i < 44; i++) expect(after(20)).toBe(false);
  expect(after(20)).toBe(true);
  expect(after(10_000)).toBe(false);
  expect(after(20)).toBe(true);
});

test("where every look is late it comes to an end too", () => {
  const { after } = asked(20);
  for (let i = 0; i < 9; i++) expect(after(500)).toBe(false);
  expect(after(500)).toBe(true);
});
