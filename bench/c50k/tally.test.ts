import { expect, test } from "bun:test";
import { CrowdTally } from "./tally.ts";

test("requests are held at once only when all origins say so of the same moment", () => {
  const tally = new CrowdTally(10, 2);
  tally.take({ kind: "held", origin: 0, tick: 1, held: 5 });
  tally.take({ kind: "held", origin: 0, tick: 2, held: 1 });
  tally.take({ kind: "held", origin: 1, tick: 2, held: 5 });
  tally.take({ kind: "held", origin: 1, tick: 3, held: 9 });
  expect(tally.heldMost).toBe(6);
  expect(tally.progress.held).toBe(10);
});

test("loads are added up", () => {
  const tally = new CrowdTally(10, 1);
  tally.take({ kind: "asked", load: 0, asked: 1, answered: 0, failed: 0 });
  tally.take({ kind: "asked", load: 0, asked: 3, answered: 1, failed: 1 });
  tally.take({ kind: "asked", load: 1, asked: 2, answered: 2, failed: 0 });
  expect(tally.progress).toEqual({ asked: 5, held: 0, answered: 3, failed: 1 });
  tally.take({ kind: "done", load: 0, timesMs: [3], reasons: { "status 503": 1 } });
  tally.take({ kind: "done", load: 1, timesMs: [1, 2], reasons: { "status 503": 2 } });
  expect(tally.done).toBe(2);
  expect(tally.times.percentiles([0.5, 1])).toEqual([2, 3]);
  expect([...tally.reasons]).toEqual([["status 503", 3]]);
});
