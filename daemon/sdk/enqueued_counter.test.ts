import { expect, test } from "bun:test";
import { Metrics } from "../../shared/metrics.ts";
import type { NewJob } from "../../shared/store/jobs/job.ts";
import { enqueuedCounter } from "./enqueued_counter.ts";

test("queues beyond a hundred are counted together", () => {
  const metrics = new Metrics();
  const count = enqueuedCounter(metrics);
  for (let i = 0; i < 150; i++) count([{ queue: `q${i}` } as NewJob, { queue: "q1" } as NewJob]);
  const byQueue = new Map(metrics.samples().map(({ labels, value }) => [labels["queue"], value]));
  expect(byQueue.size).toBe(101);
  expect([byQueue.get("q1"), byQueue.get("q99"), byQueue.get("other")]).toEqual([151, 1, 50]);
});
