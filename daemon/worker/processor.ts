import { log } from "../../shared/log.ts";
import type { BrokenEntry, Claim, ClaimedJob, DeadReason, Outcome } from "../../shared/store/jobs/job.ts";
import { within } from "../../shared/thrown_value.ts";
import { timerMs } from "../../shared/timer.ts";
import { sentenceOf } from "../../shared/user_error.ts";
import type { JobHandler, JobHandlers } from "../sdk/define_jobs.ts";
import { payloadFault } from "../sdk/payload_schema.ts";
import { errorText, LeaseLost, timeoutError, WorkerStopping } from "./attempt_error.ts";
import { attemptTimeoutMs } from "./handler_settings.ts";
import { inScopeOf } from "./job_scope.ts";
import { reportDead, reportOutcome } from "./outcome_report.ts";
import type { ProgressNotes } from "./progress_notes.ts";
import { afterFailure, afterSnooze } from "./retry.ts";
import { RunningJob } from "./running_job.ts";
import type { Settler } from "./settler.ts";
import { StuckHandlers } from "./stuck_handlers.ts";
import { awaitItsWorker, ReturnTimes } from "./unknown_type.ts";
import type { WorkerMetrics } from "./worker_metrics.ts";

/** Outcomes the store has not heard of; with more, no new job is begun. */
const BACKLOG_MAX = 5_000;
const RESULT_CHARS_MAX = 256 * 1024;
/** What a result may take to become JSON: its own toJSON() writes it. */
const RESULT_MS_MAX = 5_000;
/** Of a job whose handler can't be asked. */
const SILENT_HANDLER: JobHandler = { run: () => undefined };

export interface ProcessorSettings {
  concurrency: number;
  /** One job at a time: nothing else may be in this process. */
  alone: boolean;
  unknownTypeWaitMs: number;
}

/** Runs claimed jobs, up to `concurrency` at a time. It alone decides what becomes of a job. */
export class Processor {
  readonly #handlers: JobHandlers;
  readonly #settler: Settler;
  readonly #metrics: WorkerMetrics;
  readonly #notes: ProgressNotes;
  readonly #concurrency: number;
  readonly #unknownTypeWaitMs: number;
  readonly #returnTimes = new ReturnTimes();
  /** The next job comes only when the store has heard of the last one: else two would be held by a process that dies. */
  readonly #alone: boolean;
  readonly #running = new Set<RunningJob>();
  readonly #stuck = new StuckHandlers();
  #jobEnded = Promise.withResolvers<void>();
  #stopping = false;

  constructor(
    handlers: JobHandlers,
    settler: Settler,
    notes: ProgressNotes,
    metrics: WorkerMetrics,
    { concurrency, alone, unknownTypeWaitMs }: ProcessorSettings,
  ) {
    this.#handlers = handlers;
    this.#settler = settler;
    this.#notes = notes;
    this.#metrics = metrics;
    this.#concurrency = alone ? 1 : concurrency;
    this.#alone = alone;
    this.#unknownTypeWaitMs = unknownTypeWaitMs;
    metrics.slots.value = this.#concurrency;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Handlers that go on long after their job has ended. */
  get stuck(): number {
    return this.#stuck.look(performance.now());
  }

  runningFor(forMs: number): RunningJob[] {
    const beganBeforeMs = performance.now() - forMs;
    return [...this.#running].filter(({ startedAtMs }) => startedAtMs <= beganBeforeMs);
  }

  /** Its slot is free; what its handler still does counts for nothing, and the store is told nothing of it. */
  lose(job: RunningJob): void {
    if (!this.#running.delete(job)) return;
    this.#notes.leave(job);
    this.#stuck.add(job, performance.now());
    const { id, type } = job;
    log.warn({ job: id, type }, "the job was killed, or another worker has it: its handler is told to stop");
    job.abort(new LeaseLost());
    this.#tellEnded();
  }

  /** How many jobs can be begun now. */
  get free(): number {
    if (this.#stopping || this.#settler.backlog > (this.#alone ? 0 : BACKLOG_MAX)) return 0;
    return Math.max(0, this.#concurrency - this.#running.size);
  }

  /** Resolves the next time a job ends. */
  jobEnded(): Promise<void> {
    return this.#jobEnded.promise;
  }

  take(claim: Claim): void {
    for (const entry of claim.broken) {
      if (entry.isNewer) this.#await(entry, { reason: "decode", error: entry.error });
      else this.#bury(entry, "decode", entry.error);
    }
    for (const job of claim.jobs) {
      // More came than was asked for (two queues at once, a lost answer found again): another worker may be free.
      if (this.free === 0) this.#settle(job, { kind: "release" });
      else void this.#run(new RunningJob(job));
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

  /** What escaped a handler, in a callback that no promise of its waits for: its attempt has failed. */
  fail(job: RunningJob, thrown: unknown): void {
    job.abort(new Error("the handler threw in a callback"));
    this.#end(job, this.#handlerOf(job) ?? SILENT_HANDLER, { thrown });
  }

  /** Never rejects. A fault that nobody foresaw is one failed attempt, too: a job that nobody ends is leased for ever. */
  async #run(job: RunningJob): Promise<void> {
    try {
      await this.#process(job);
    } catch (error) {
      this.#running.add(job);
      this.#end(job, this.#handlerOf(job) ?? SILENT_HANDLER, { thrown: error });
    }
  }

  /** A job's way: decode, handler, outcome, settle. */
  async #process(job: RunningJob): Promise<void> {
    const { claimed } = job;
    const { expiresAtMs } = claimed;
    if (expiresAtMs > 0 && Date.now() > expiresAtMs)
      return this.#bury(claimed, "expired", `its time was over at ${new Date(expiresAtMs).toISOString()}`);
    const handler = this.#handlerOf(job);
    if (!handler) return this.#awaitHandler(claimed);

    const payload = decode(claimed.payload);
    if (payload instanceof SyntaxError) return this.#bury(claimed, "decode", payload.message);
    const fault = handler.schema && payloadFault(handler.schema, payload);
    if (fault) return this.#bury(claimed, "schema", fault);

    this.#running.add(job);
    this.#notes.watch(job);
    const timer = this.#timeLimit(job, handler);
    const end = await runHandler(handler, payload, job);
    clearTimeout(timer);
    this.#stuck.delete(job);
    this.#end(job, handler, end);
  }

  /** At its timeout the attempt has failed, and its slot is free, whatever the handler does. */
  #timeLimit(job: RunningJob, handler: JobHandler): ReturnType<typeof setTimeout> | undefined {
    const timeoutMs = attemptTimeoutMs(job.claimed, handler);
    if (timeoutMs === 0) return undefined;
    return setTimeout(() => {
      const late = timeoutError(timeoutMs);
      this.#stuck.add(job, performance.now());
      job.abort(late);
      this.#end(job, handler, { thrown: late });
    }, timerMs(timeoutMs));
  }

  #end(job: RunningJob, handler: JobHandler, end: HandlerEnd): void {
    if (this.#running.has(job)) this.#finish(job, this.#outcome(job, handler, end));
  }

  #handlerOf({ type }: RunningJob): JobHandler | undefined {
    return Object.hasOwn(this.#handlers, type) ? this.#handlers[type] : undefined;
  }

  /** What the handler said of its job stands before how it ended. */
  #outcome(job: RunningJob, handler: JobHandler, end: HandlerEnd): Outcome {
    const { claimed, verdict } = job;
    const atMs = Date.now();
    if (verdict?.kind === "discard") return { kind: "dead", reason: "discarded", error: verdict.error };
    if (verdict) return afterSnooze(claimed, { error: verdict.error, atMs }, verdict.afterMs);
    if ("value" in end) return claimed.record?.result ? acknowledge(claimed, end.value) : { kind: "ack" };
    if (job.cancelled) return { kind: "cancelled" };
    if (this.#stopping) return { kind: "release" };
    return afterFailure(claimed, handler, { error: errorText(end.thrown), atMs }, Math.random());
  }

  /** Once: what a handler does after its job was handed back counts for nothing. */
  #finish(job: RunningJob, outcome: Outcome): void {
    if (!this.#running.delete(job)) return;
    this.#notes.leave(job);
    this.#settle(job.claimed, outcome);
    reportOutcome(this.#metrics, job.claimed, outcome, performance.now() - job.startedAtMs);
    this.#tellEnded();
  }

  #tellEnded(): void {
    const { resolve } = this.#jobEnded;
    this.#jobEnded = Promise.withResolvers();
    resolve();
  }

  #awaitHandler(job: ClaimedJob): void {
    const { queue, type } = job;
    const count = this.#metrics.unknownType(queue, type);
    if (count.value++ === 0)
      log.warn({ queue, type }, "no handler is named so here: its jobs wait for a worker that has it");
    this.#await(job, { reason: "unknown_type", error: `no handler is named "${job.type}"` });
  }

  /** It was met by the wrong worker, as it happens while a newer one is rolled out: the right one shall have it. */
  #await(entry: ClaimedJob | BrokenEntry, why: { reason: DeadReason; error: string }): void {
    const nowMs = Date.now();
    const spread = { leastMs: this.#returnTimes.next(nowMs), random: Math.random() };
    const outcome = awaitItsWorker(entry, why, this.#unknownTypeWaitMs, nowMs, spread);
    if (outcome.kind === "dead") this.#bury(entry, why.reason, why.error);
    else this.#settle(entry, outcome);
  }

  #bury(entry: ClaimedJob | BrokenEntry, reason: DeadReason, error: string): void {
    this.#settle(entry, { kind: "dead", reason, error });
    reportDead(this.#metrics, entry, reason, error);
  }

  #settle({ queue, fence }: { queue: string; fence: string }, outcome: Outcome): void {
    this.#settler.add({ queue, fence, outcome });
    if (this.#alone) void this.#settler.told().then(() => this.#tellEnded());
  }
}

type HandlerEnd = { value: unknown } | { thrown: unknown };

async function runHandler(handler: JobHandler, payload: unknown, job: RunningJob): Promise<HandlerEnd> {
  try {
    return { value: await inScopeOf(job, () => handler.run(payload, job)) };
  } catch (thrown) {
    return { thrown };
  }
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error instanceof SyntaxError ? error : new SyntaxError(sentenceOf(error));
  }
}

/** With the result, when it can be kept. */
function acknowledge({ id, type }: ClaimedJob, value: unknown): Outcome {
  if (value === undefined) return { kind: "ack" };
  const result = within(() => JSON.stringify(value) ?? "", RESULT_MS_MAX);
  if (result === undefined) {
    log.warn({ job: id, type }, "its result is not kept: it can't be written as JSON");
    return { kind: "ack" };
  }
  if (result === "") return { kind: "ack" };
  if (result.length <= RESULT_CHARS_MAX) return { kind: "ack", result };
  log.warn({ job: id, type }, `its result is not kept: it is longer than ${RESULT_CHARS_MAX} characters`);
  return { kind: "ack" };
}
