const FIRST_MS = 100;
const LONGEST_MS = 30_000;

/** Milliseconds to wait before restart number `failures` (1, 2, …) in a row: 100 ms doubling up to 30 s, or `longestMs`. */
export function restartDelayMs(failures: number, longestMs = LONGEST_MS): number {
  return Math.min(longestMs, FIRST_MS * 2 ** Math.min(failures - 1, 20));
}
