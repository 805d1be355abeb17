/** From a successor to us: it has been told to end. Nobody else sends it, and who does not know it does nothing. */
const PASSED_ON = "SIGURG";
const POLL_MS = 50;

/** The supervisor whose place we took: it finishes what it has, and is our parent until it has ended. */
export class Predecessor {
  readonly #pid: number;

  /** `succeeding`: a supervisor has started us to take its place, and lives. */
  constructor(succeeding: boolean) {
    this.#pid = succeeding ? process.ppid : 0;
  }

  /** We have been asked to end, or, the second time, been insisted upon: so is it. */
  tell(): void {
    if (!this.#lives()) return;
    try {
      process.kill(this.#pid, PASSED_ON);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
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

/** Resolve when our successor has been asked to end, and when it is to end at once. */
export function successorAsked(): { asked: Promise<void>; insisted: Promise<void> } {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  process.once(PASSED_ON, () => {
    process.once(PASSED_ON, () => second.resolve());
    first.resolve();
  });
  return { asked: first.promise, insisted: second.promise };
}
