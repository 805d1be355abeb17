import { expect, test } from "bun:test";
import { countIn, killedForMemory } from "./memory_kill.ts";

test("the count stands on a line of its own", () => {
  expect(countIn("low 0\nhigh 0\nmax 3\noom 2\noom_kill 12\noom_group_kill 0\n")).toBe(12);
  expect(countIn("oom_kill_disable 0\n")).toBeUndefined();
  expect(countIn("")).toBeUndefined();
});

test("nothing was killed for memory between two looks", () => {
  killedForMemory();
  expect(killedForMemory()).toBe(false);
});
