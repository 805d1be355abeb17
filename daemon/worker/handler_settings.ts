/** What handlers say about their attempts. */
import type { ClaimedJob } from "../../shared/store/jobs/job.ts";
import { newJob, readBackoff, readTimeout } from "../../shared/store/jobs/new_job.ts";
import { sentenceOf, UserError } from "../../shared/user_error.ts";
import { enqueueDefaults, type JobHandler, type JobHandlers } from "../sdk/define_jobs.ts";

/** Throws a UserError that names the file and the setting that can't be read. */
export function checkHandlers(handlers: JobHandlers, file: string): void {
  for (const [type, handler] of Object.entries(handlers)) {
    const { attempts, timeout, backoff, limit } = handler;
    try {
      // A key made from the payload can only be checked when there is one.
      newJob(
        type,
        null,
        enqueueDefaults({ ...handler, ...(limit && { limit: { ...limit, key: "any" } }) }, null),
      );
      readTimeout(type, timeout);
      if (typeof backoff !== "function") readBackoff(type, backoff);
      if (attempts !== undefined && !(Number.isInteger(attempts) && attempts >= 1)) {
        throw new RangeError(`attempts is ${Bun.inspect(attempts)}: it must be a whole number from 1`);
      }
    } catch (error) {
      const sentence = sentenceOf(error);
      throw new UserError(
        `${file}: ${sentence.startsWith("job ") ? sentence : `job "${type}": ${sentence}`}`,
      );
    }
  }
}

/** Milliseconds one attempt may take; 0: no limit. What enqueue said wins. */
export function attemptTimeoutMs(job: ClaimedJob, handler: JobHandler): number {
  return job.timeoutMs ?? readTimeout(job.type, handler.timeout) ?? 0;
}
