import { expect, test } from "bun:test";
import { Metrics } from "../../shared/metrics.ts";
import { UnknownTypes } from "./unknown_types.ts";
import { WorkerMetrics } from "./worker_metrics.ts";

test("a type that keeps coming is complained of, one that a rollout has met is forgotten", () => {
  const metrics = new Metrics();
  const counted = new WorkerMetrics(metrics);
  const types = new UnknownTypes();
  const meet = (type: string, nowMs: number) => {
    counted.unknownType("q", type).value++;
    types.look(metrics.samples(), nowMs);
  };
  meet("mail", 1_000);
  expect(types.list(1_000)).toEqual([{ queue: "q", type: "mail", forMs: 0 }]);
  meet("mail", 10_000);
  expect(types.complaint(15_999)).toBeUndefined();
  meet("mail", 16_000);
  meet("news", 16_000);
  expect(types.complaint(16_000)).toBe(
    'jobs wait whose type has no handler here: "mail" (queue q): start a worker that has one, or remove them with trivet jobs kill',
  );
  types.look(metrics.samples(), 36_001);
  expect([types.list(36_001), types.complaint(36_001)]).toEqual([[], undefined]);
  meet("mail", 70_000);
  expect(types.list(71_000)).toEqual([{ queue: "q", type: "mail", forMs: 1_000 }]);
});

test("types that apps make up without end are few series", () => {
  const metrics = new Metrics();
  const counted = new WorkerMetrics(metrics);
  for (let i = 0; i < 500; i++) counted.unknownType("q", `t${i}`).value++;
  const samples = metrics.samples();
  expect(samples.length).toBeLessThan(60);
  expect(samples.reduce((sum, { value }) => sum + value, 0)).toBe(500);
});
