/** setTimeout() takes no more: 24.8 days. A longer time ends at once. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** The time for a setTimeout(), at most the longest there is. */
export function timerMs(ms: number): number {
  return Math.min(ms, TIMER_MS_MAX);
}

/** Resolves when the time is over, or at once when aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, timerMs(ms));
    signal.addEventListener("abort", end);
  });
}
