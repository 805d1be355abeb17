import { log } from "../../shared/log.ts";
import type { JobStore } from "../../shared/store/jobs/job_store.ts";
import { sentenceOf } from "../../shared/user_error.ts";
import type { RunningJob } from "./running_job.ts";

const EVERY_MS = 500;

/** Tells the store how running jobs with a record get on, and hears from it which of them were cancelled. */
export class ProgressNotes {
  readonly #store: Pick<JobStore, "note">;
  readonly #jobs = new Set<RunningJob>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #telling = false;

  constructor(store: Pick<JobStore, "note">) {
    this.#store = store;
  }

  watch(job: RunningJob): void {
    if (!job.claimed.record) return;
    this.#jobs.add(job);
    this.#timer ??= setInterval(() => void this.#tellAll(), EVERY_MS);
  }

  /** The job has ended: its last progress goes out before its outcome. */
  leave(job: RunningJob): void {
    if (!this.#jobs.delete(job)) return;
    const progress = job.takeProgress();
    if (progress !== null) void this.#tell([job], [progress]);
    if (this.#jobs.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #tellAll(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    const jobs = [...this.#jobs];
    await this.#tell(
      jobs,
      jobs.map((job) => job.takeProgress()),
    );
    this.#telling = false;
  }

  async #tell(jobs: readonly RunningJob[], progress: readonly (string | null)[]): Promise<void> {
    const notes = jobs.map(({ claimed: { queue, fence, id } }, i) => {
      return { queue, fence, id, progress: progress[i] ?? null };
    });
    try {
      const cancelled = await this.#store.note(notes);
      for (const [i, job] of jobs.entries()) if (cancelled[i]) job.cancel();
    } catch (error) {
      // The next one follows soon; jobs don't depend on it.
      log.debug(`can't tell progress: ${sentenceOf(error)}`);
    }
  }
}
