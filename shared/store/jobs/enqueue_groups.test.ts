import { expect, test } from "bun:test";
import { EnqueueGroups } from "./enqueue_groups.ts";
import type { NewJob } from "./job.ts";
import { newJob } from "./new_job.ts";

const MIB_OF_TEXT = "x".repeat(1024 ** 2 - 100);

function grouped() {
  const sizes: number[] = [];
  const groups = new EnqueueGroups(async (jobs) => {
    sizes.push(jobs.length);
    return jobs.map(({ id }) => id);
  });
  return { groups, sizes };
}

const many = (n: number, payload: unknown): NewJob[] => Array.from({ length: n }, () => newJob("x", payload));

test("calls of one turn share a group, each gets its own ids", async () => {
  const { groups, sizes } = grouped();
  const calls = [many(2, 1), many(3, 1), many(999, 1)];
  const ids = await Promise.all(calls.map((jobs) => groups.add(jobs)));
  expect(ids).toEqual(calls.map((jobs) => jobs.map(({ id }) => id)));
  expect(sizes).toEqual([5, 999]);
});

test("calls with long payloads do not share one, so that no group is longer than a store takes", async () => {
  const { groups, sizes } = grouped();
  await Promise.all(
    [many(1, 1), many(5, MIB_OF_TEXT), many(5, MIB_OF_TEXT), many(1, 1), many(1, 1)].map((jobs) =>
      groups.add(jobs),
    ),
  );
  expect(sizes).toEqual([1, 5, 5, 2]);
});
