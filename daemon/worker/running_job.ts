import { log } from "../../shared/log.ts";
import type { ClaimedJob } from "../../shared/store/jobs/job.ts";
import { readDuration } from "../../shared/store/jobs/job_option.ts";
import { messageOf } from "../../shared/thrown_value.ts";
import type { JobContext, JobLog } from "../sdk/define_jobs.ts";
import { errorText } from "./attempt_error.ts";

const PROGRESS_CHARS_MAX = 8_000;

/** What a handler decided about its own job: it stands, whatever the handler does then. */
export type Verdict = { kind: "discard"; error: string } | { kind: "retry"; afterMs: number; error: string };

/** Ends a handler that called job.discard() or job.retryAfter(). */
class HandlerVerdict extends Error {
  override readonly name = "HandlerVerdict";
}

/** The reason of a signal aborted by jobs.cancel(). */
export class JobCancelled extends Error {
  override readonly name = "JobCancelled";

  constructor() {
    super("the job was cancelled");
  }
}

/** A job whose handler runs now, as the handler sees it. Signal and log are made when they are first asked for. */
export class RunningJob implements JobContext {
  readonly claimed: ClaimedJob;
  readonly startedAtMs = performance.now();
  #abort: AbortController | undefined;
  #reason: Error | undefined;
  #log: JobLog | undefined;
  #progress: string | null = null;
  #verdict: Verdict | undefined;
  #cancelled = false;

  constructor(claimed: ClaimedJob) {
    this.claimed = claimed;
  }

  get id(): string {
    return this.claimed.id;
  }

  get type(): string {
    return this.claimed.type;
  }

  get queue(): string {
    return this.claimed.queue;
  }

  get attempt(): number {
    return this.claimed.attempt;
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#reason) this.#abort.abort(this.#reason);
    }
    return this.#abort.signal;
  }

  get log(): JobLog {
    this.#log ??= log.child({ job: this.id, type: this.type });
    return this.#log;
  }

  /** Tells the handler to stop; the reason is its signal's. */
  abort(reason: Error): void {
    this.#reason = reason;
    this.#abort?.abort(reason);
  }

  progress(value: unknown): void {
    const text = JSON.stringify(value);
    if (text === undefined || text.length > PROGRESS_CHARS_MAX) {
      throw new TypeError(`job.progress() takes JSON of at most ${PROGRESS_CHARS_MAX} characters`);
    }
    this.#progress = text;
  }

  /** What progress() was told since the last call. */
  takeProgress(): string | null {
    const text = this.#progress;
    this.#progress = null;
    return text;
  }

  discard(reason: unknown = "its handler discarded it"): never {
    const error = reasonText(reason);
    this.#verdict = { kind: "discard", error };
    throw new HandlerVerdict(error);
  }

  retryAfter(delay: string | number, reason: unknown = "its handler wants to be called later"): never {
    const error = reasonText(reason);
    this.#verdict = { kind: "retry", afterMs: readDuration(this.type, "retryAfter", delay), error };
    throw new HandlerVerdict(error);
  }

  get verdict(): Verdict | undefined {
    return this.#verdict;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.abort(new JobCancelled());
  }
}

/** A handler may give an error, or anything, as the reason. */
function reasonText(reason: unknown): string {
  return typeof reason === "string" ? messageOf(reason) : errorText(reason);
}
