import { describe, expect, test } from "bun:test";
import type { ClaimedJob } from "../../shared/store/jobs/job.ts";
import { newJob } from "../../shared/store/jobs/new_job.ts";
import type { JobHandler } from "../sdk/define_jobs.ts";
import { afterFailure, afterSnooze, backoffDelayMs } from "./retry.ts";

const run = () => undefined;
const BOOM = { error: "Error: boom\n    at run (jobs.ts:1)", atMs: 7 };

function failed(attempt: number, options: object = {}): ClaimedJob {
  return { ...newJob("x", 1, options), attempt, history: [], fence: "1:1" };
}

function delayAfter(job: ClaimedJob, handler: Omit<JobHandler, "run"> = {}): number | string {
  const outcome = afterFailure(job, { run, ...handler }, BOOM, 0.5);
  return outcome.kind === "retry" ? outcome.delayMs : outcome.kind;
}

describe("after a failed attempt", () => {
  test("waits on Sidekiq's curve and gives up after 25 attempts", () => {
    expect(delayAfter(failed(1))).toBe(20_000);
    expect(delayAfter(failed(2))).toBe((1 + 15 + 10) * 1000);
    expect(delayAfter(failed(11))).toBe((10_000 + 15 + 55) * 1000);
    expect(delayAfter(failed(24))).toBeNumber();
    expect(afterFailure(failed(25), { run }, BOOM, 0)).toEqual({
      kind: "dead",
      reason: "exhausted",
      error: BOOM.error,
      history: [{ attempt: 25, atMs: 7, error: "Error: boom" }],
    });
  });

  test("a handler that asks to be called later uses up no attempt, and leaves one line of it", () => {
    const failure = { attempt: 1, atMs: 2, error: "boom" };
    const unknown = { attempt: 0, atMs: 1, error: "no handler is named x" };
    const history = [unknown, failure, { attempt: 2, atMs: 3, error: "not yet" }];
    const job = { ...failed(2, { attempts: 2 }), history };
    expect(afterSnooze(job, { error: "still not", atMs: 9 }, 500)).toEqual({
      ...{ kind: "defer", delayMs: 500, error: "still not", begun: true },
      history: [failure, { attempt: 2, atMs: 9, error: "still not" }],
    });
    expect(afterSnooze(job, BOOM, 0)).toMatchObject({ delayMs: 100 });
    expect(afterSnooze(job, BOOM, 1e12)).toMatchObject({ delayMs: 30 * 24 * 3_600_000 });
  });

  test("the job remembers its latest failures, a line each", () => {
    const before = Array.from({ length: 10 }, (_, i) => ({ attempt: i + 1, atMs: i, error: "x" }));
    const outcome = afterFailure({ ...failed(11), history: before }, { run }, BOOM, 0);
    expect(outcome).toMatchObject({
      history: [...before.slice(1), { attempt: 11, atMs: 7, error: "Error: boom" }],
    });
  });

  test("enqueue wins over the handler, the handler over the defaults", () => {
    const handler = { attempts: 3, backoff: { kind: "fixed", delay: "2s" } } as const;
    expect(delayAfter(failed(1), handler)).toBe(2_000);
    expect(delayAfter(failed(3), handler)).toBe("dead");
    expect(delayAfter(failed(3, { attempts: 5 }), handler)).toBe(2_000);
    expect(
      delayAfter(failed(3, { attempts: 5, backoff: { kind: "exponential", delay: "1s" } }), handler),
    ).toBe(4_000);
  });

  test("a handler's own function decides, unless enqueue said something or it fails", () => {
    const backoff = (attempt: number) => attempt * 10;
    expect(delayAfter(failed(3), { backoff })).toBe(30);
    expect(delayAfter(failed(3, { backoff: { kind: "fixed", delay: 7 } }), { backoff })).toBe(7);
    expect(delayAfter(failed(1), { backoff: () => Number.NaN })).toBe(20_000);
    expect(delayAfter(failed(1), { backoff: () => -5 })).toBe(0);
    const broken = () => {
      throw new Error("no");
    };
    expect(delayAfter(failed(1), { backoff: broken })).toBe(20_000);
  });

  test("no delay is longer than 30 days", () => {
    expect(backoffDelayMs({ kind: "exponential", delayMs: 1000 }, 900, 0)).toBe(30 * 24 * 3_600_000);
  });
});
