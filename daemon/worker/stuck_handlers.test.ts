import { expect, test } from "bun:test";
import type { ClaimedJob } from "../../shared/store/jobs/job.ts";
import { newJob } from "../../shared/store/jobs/new_job.ts";
import { RunningJob } from "./running_job.ts";
import { StuckHandlers } from "./stuck_handlers.ts";

test("a handler is stuck ten seconds after it was given up, until it ends", () => {
  const job = (): RunningJob => {
    const claimed: ClaimedJob = { ...newJob("deaf", 1), attempt: 1, history: [], fence: "1:1" };
    return new RunningJob(claimed);
  };
  const handlers = new StuckHandlers();
  const [first, second, ended] = [job(), job(), job()];
  handlers.add(first, 0);
  handlers.add(ended, 0);
  handlers.add(first, 9_000);
  handlers.delete(ended);
  expect(handlers.look(9_999)).toBe(0);
  handlers.add(second, 10_000);
  expect(handlers.look(10_000)).toBe(1);
  expect(handlers.look(20_000)).toBe(2);
  handlers.delete(first);
  expect(handlers.look(21_000)).toBe(1);
  handlers.delete(second);
  expect(handlers.look(22_000)).toBe(0);
});
