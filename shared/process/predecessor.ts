const POLL_MS = 50;
const ESRCH = "ESRCH";

/** The supervisor whose place we took: it finishes what it has, and is our parent until it has ended. */
export class Predecessor {
  readonly #pid: number;

  /** `succeeding`: a supervisor has started us to take its place. */
  constructor(succeeding: boolean) {
    this.#pid = succeeding ? process.ppid : 0;
  }

  /** It is to end as we are: QUIT asks, and TERM after it insists. */
  tell(signal: "SIGQUIT" | "SIGTERM"): void {
    if (!this.#lives()) return;
    try {
      process.kill(this.#pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== ESRCH) throw error;
    }
  }

  /** Resolves when it has ended, or when there was none. */
  async gone(): Promise<void> {
    while (this.#lives()) await Bun.sleep(POLL_MS);
  }

  /** A process whose parent has ended gets another one (getppid(2)). */
  #lives(): boolean {
    return this.#pid !== 0 && process.ppid === this.#pid;
  }
}
