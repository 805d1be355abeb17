import type { BrokenEntry, Claim, ClaimedJob, DeadReason, Outcome } from "../../shared/store/jobs/job.ts";
import { sentenceOf } from "../../shared/user_error.ts";
import type { JobHandler, JobHandlers } from "../sdk/define_jobs.ts";
import { payloadFault } from "../sdk/payload_schema.ts";
import { errorText, timeoutError, WorkerStopping } from "./attempt_error.ts";
import { attemptTimeoutMs } from "./handler_settings.ts";
import { reportDead, reportOutcome } from "./outcome_report.ts";
import { afterFailure } from "./retry.ts";
import { RunningJob } from "./running_job.ts";
import type { Settler } from "./settler.ts";
import type { WorkerMetrics } from "./worker_metrics.ts";

/** Outcomes the store has not heard of; with more, no new job is begun. */
const BACKLOG_MAX = 5_000;

/** Runs claimed jobs, up to `concurrency` at a time. It alone decides what becomes of a job. */
export class Processor {
  readonly #handlers: JobHandlers;
  readonly #settler: Settler;
  readonly #metrics: WorkerMetrics;
  readonly #concurrency: number;
  readonly #running = new Set<RunningJob>();
  #jobEnded = Promise.withResolvers<void>();
  #stopping = false;

  constructor(handlers: JobHandlers, settler: Settler, metrics: WorkerMetrics, concurrency: number) {
    this.#handlers = handlers;
    this.#settler = settler;
    this.#metrics = metrics;
    this.#concurrency = concurrency;
    metrics.slots.value = concurrency;
  }

  get running(): number {
    return this.#running.size;
  }

  /** How many jobs can be begun now. */
  get free(): number {
    if (this.#stopping || this.#settler.backlog > BACKLOG_MAX) return 0;
    return Math.max(0, this.#concurrency - this.#running.size);
  }

  /** Resolves the next time a job ends. */
  jobEnded(): Promise<void> {
    return this.#jobEnded.promise;
  }

  take(claim: Claim): void {
    for (const entry of claim.broken) this.#bury(entry, "decode", entry.error);
    for (const job of claim.jobs) {
      // More came than was asked for (two queues at once, a lost answer found again): another worker may be free.
      if (this.free === 0) this.#settle(job, { kind: "release" });
      else void this.#process(new RunningJob(job));
    }
  }

  async idle(): Promise<void> {
    while (this.#running.size > 0) await this.jobEnded();
  }

  /** Tells every handler to stop, gives it a moment, and hands back the jobs that still run. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (const job of this.#running) job.abort(new WorkerStopping());
    await Promise.race([this.idle(), Bun.sleep(graceMs)]);
    for (const job of this.#running) this.#finish(job, { kind: "release" });
  }

  /** A job's way: decode, handler, outcome, settle. */
  async #process(job: RunningJob): Promise<void> {
    const { claimed } = job;
    const handler = Object.hasOwn(this.#handlers, claimed.type) ? this.#handlers[claimed.type] : undefined;
    if (!handler) return this.#bury(claimed, "unknown_type", `no handler is named "${claimed.type}"`);

    const payload = decode(claimed.payload);
    if (payload instanceof SyntaxError) return this.#bury(claimed, "decode", payload.message);
    const fault = handler.schema && payloadFault(handler.schema, payload);
    if (fault) return this.#bury(claimed, "schema", fault);

    this.#running.add(job);
    const failure = await runHandler(handler, payload, job);
    this.#finish(job, this.#outcome(claimed, handler, failure));
  }

  #outcome(job: ClaimedJob, handler: JobHandler, failure: Failure | undefined): Outcome {
    if (!failure) return { kind: "ack" };
    if (this.#stopping) return { kind: "release" };
    return afterFailure(job, handler, errorText(failure.thrown), Math.random());
  }

  /** Once: what a handler does after its job was handed back counts for nothing. */
  #finish(job: RunningJob, outcome: Outcome): void {
    if (!this.#running.delete(job)) return;
    this.#settle(job.claimed, outcome);
    reportOutcome(this.#metrics, job.claimed, outcome, performance.now() - job.startedAtMs);
    const { resolve } = this.#jobEnded;
    this.#jobEnded = Promise.withResolvers();
    resolve();
  }

  #bury(entry: ClaimedJob | BrokenEntry, reason: DeadReason, error: string): void {
    this.#settle(entry, { kind: "dead", reason, error });
    reportDead(this.#metrics, entry, reason, error);
  }

  #settle({ queue, fence }: { queue: string; fence: string }, outcome: Outcome): void {
    this.#settler.add({ queue, fence, outcome });
  }
}

interface Failure {
  thrown: unknown;
}

/** Undefined when the handler came to its end in time. */
async function runHandler(
  handler: JobHandler,
  payload: unknown,
  job: RunningJob,
): Promise<Failure | undefined> {
  const timeoutMs = attemptTimeoutMs(job.claimed, handler);
  const timer = timeoutMs > 0 && setTimeout(() => job.timeOut(timeoutError(timeoutMs)), timeoutMs);
  try {
    const running = handler.run(payload, job);
    await (timer ? Promise.race([running, job.timedOut]) : running);
    return undefined;
  } catch (thrown) {
    return { thrown };
  } finally {
    if (timer) clearTimeout(timer);
  }
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error instanceof SyntaxError ? error : new SyntaxError(sentenceOf(error));
  }
}
