/** Whose code runs: the job that a callback belongs to, however late it comes. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { RunningJob } from "./running_job.ts";

const scope = new AsyncLocalStorage<RunningJob>();

/** Runs a handler, and all that it sets going, as that of `job`. */
export function inScopeOf<Result>(job: RunningJob, run: () => Result): Result {
  return scope.run(job, run);
}

/** Undefined where nobody can say: code of no job, or a microtask of one. */
export function jobInScope(): RunningJob | undefined {
  return scope.getStore();
}
