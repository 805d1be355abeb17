import { timerMs } from "../../timer.ts";

/** Claims that wait for their queue to change, in one process. */
export class QueueWaiters {
  readonly #waiting = new Map<string, Set<() => void>>();
  /** How many wakes there were: take it before looking, so that a wake between look and wait is not lost. */
  wakes = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** Resolves at the next wake of the queue, at `timeoutMs`, or when aborted; at once if a wake came since `seenWakes`. */
  wait(queue: string, seenWakes: number, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || seenWakes !== this.wakes) return Promise.resolve();
    return new Promise((resolve) => {
      const waiters = this.#waiting.get(queue) ?? new Set();
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        waiters.delete(end);
        if (waiters.size === 0) this.#waiting.delete(queue);
        resolve();
      };
      const timer = setTimeout(end, timerMs(timeoutMs));
      signal.addEventListener("abort", end);
      waiters.add(end);
      this.#waiting.set(queue, waiters);
    });
  }

  wake(queue: string): void {
    this.wakes++;
    for (const end of [...(this.#waiting.get(queue) ?? [])]) end();
  }

  wakeAll(): void {
    this.wakes++;
    for (const waiters of [...this.#waiting.values()]) for (const end of [...waiters]) end();
  }
}
