import { describe, expect, test } from "bun:test";
import type { AttemptFailure, Outcome } from "../../shared/store/jobs/job.ts";
import { awaitItsWorker, ReturnTimes } from "./unknown_type.ts";

const WHY = { reason: "unknown_type", error: "no handler is named x" } as const;
const HOUR_MS = 3_600_000;

function wait(history: readonly AttemptFailure[], nowMs: number, random = 0.5, waitMs = HOUR_MS): Outcome {
  return awaitItsWorker({ history }, WHY, waitMs, nowMs, { leastMs: 0, random });
}

describe("a job that waits for a worker that knows its type", () => {
  test("is met soon at first, then more and more seldom, and is dead after its time", () => {
    let [nowMs, history] = [1_000, [] as readonly AttemptFailure[]];
    const delays: number[] = [];
    for (;;) {
      const outcome = wait(history, nowMs);
      if (outcome.kind !== "defer") {
        expect(outcome).toEqual({ kind: "dead", ...WHY });
        break;
      }
      delays.push(outcome.delayMs);
      history = outcome.history;
      nowMs += outcome.delayMs;
    }
    expect(nowMs).toBe(1_000 + HOUR_MS);
    expect(delays.slice(0, 6)).toEqual([1000, 1000, 1000, 1000, 1000, 1250]);
    expect(Math.max(...delays)).toBe(10_000);
    expect(delays.length).toBeLessThan(400);
    expect(history).toEqual([{ attempt: 0, atMs: 1_000, error: WHY.error }]);
  });

  test("does not come back with those that were put back beside it", () => {
    expect([0, 0.5, 0.999].map((random) => wait([], 0, random))).toMatchObject([
      { delayMs: 750 },
      { delayMs: 1000 },
      { delayMs: 1250 },
    ]);
  });

  test("many do not come back at once", () => {
    const times = new ReturnTimes();
    const last = Array.from({ length: 10_000 }, () => times.next(7)).at(-1) ?? 0;
    expect(last).toBe(50_000);
    expect(awaitItsWorker({ history: [] }, WHY, HOUR_MS, 7, { leastMs: last, random: 0.5 })).toMatchObject({
      delayMs: 50_000,
    });
    expect(times.next(60_000)).toBe(5);
  });

  test("keeps what its tries left behind", () => {
    const before = { attempt: 1, atMs: 5, error: "boom" };
    expect(wait([before], 9)).toMatchObject({
      begun: false,
      history: [before, { attempt: 0, atMs: 9, error: WHY.error }],
    });
  });

  test("does not wait where it shall not", () => {
    expect(wait([], 9, 0.5, 0)).toEqual({ kind: "dead", ...WHY });
  });
});
