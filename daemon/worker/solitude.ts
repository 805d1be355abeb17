import { log } from "../../shared/log.ts";
import type { Fleet } from "../../shared/process/fleet.ts";
import { sentenceOf } from "../../shared/user_error.ts";
import { jobsRunning } from "./work_watch.ts";
import type { WorkerBoot, WorkerOrder } from "./worker_boot.ts";
import type { WorkerNews } from "./worker_news.ts";

/** What died with a job of its own is started again soon: others wait behind it. */
export const SOLITUDE_RESTART_LONGEST_MS = 2_000;
const IDLE_MS = 10_000;
const COMPLAIN_AFTER_MS = 30_000;

export interface SolitudeLook {
  nowMs: number;
  /** Whether the process is there. */
  there: boolean;
  /** Jobs that wait to run alone. */
  waiting: number;
  running: number;
}

/** Whether the process is wanted, and whether it is in its place too long without work. */
export class SolitudeNeed {
  #neededAtMs = Number.NEGATIVE_INFINITY;

  next({ nowMs, there, waiting, running }: SolitudeLook): "start" | "end" | "keep" {
    if (waiting + running > 0) this.#neededAtMs = nowMs;
    if (!there) return waiting > 0 ? "start" : "keep";
    return nowMs - this.#neededAtMs >= IDLE_MS ? "end" : "keep";
  }
}

/**
 * The process in which jobs run alone, one after the other: those that were with others in a process that died. One a
 * supervisor, there only while there are such jobs; the other processes go on meanwhile.
 */
export class Solitude {
  readonly #fleet: Fleet<WorkerBoot, WorkerOrder, WorkerNews>;
  readonly #need = new SolitudeNeed();
  #changing = false;
  #ended = false;
  /** Since when jobs wait for a process that is not ready. */
  #missedSinceMs: number | undefined;
  #trouble = "";

  constructor(fleet: Fleet<WorkerBoot, WorkerOrder, WorkerNews>) {
    this.#fleet = fleet;
  }

  /** Never rejects: why the process can't start is in complaint(). */
  async look(waiting: number): Promise<void> {
    if (this.#changing || this.#ended) return;
    const nowMs = performance.now();
    const running = jobsRunning(this.#fleet.lastSamples());
    const isMissed = waiting > 0 && this.#fleet.ready().length === 0;
    this.#missedSinceMs = isMissed ? (this.#missedSinceMs ?? nowMs) : undefined;
    const step = this.#need.next({ nowMs, there: this.#fleet.size > 0, waiting, running });
    if (step === "keep") return;
    this.#changing = true;
    try {
      if (step === "end") await this.#fleet.shrink();
      else {
        log.warn({ jobs: waiting }, "jobs whose process died run alone now, one after the other");
        await this.#fleet.grow();
      }
      this.#trouble = "";
    } catch (error) {
      // The next look tries again.
      this.#trouble = sentenceOf(error);
    } finally {
      this.#changing = false;
    }
  }

  /** Nobody is started any more. */
  end(): void {
    this.#ended = true;
  }

  complaint(): string | undefined {
    if (this.#missedSinceMs === undefined || performance.now() - this.#missedSinceMs < COMPLAIN_AFTER_MS)
      return undefined;
    const why = this.#trouble || this.#fleet.complaint();
    return `jobs that must run alone wait, and their process does not start${why ? `: ${why}` : ""}`;
  }
}
