/** setTimeout() takes no more: 24.8 days. A longer time ends at once. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** The time for a setTimeout(), at most the longest there is. */
export function timerMs(ms: number): number {
  return Math.min(ms, TIMER_MS_MAX);
}
