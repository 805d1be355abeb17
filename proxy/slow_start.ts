/** A server that has just come back begins with this part of its weight. */
const LEAST = 0.01;

/** The part of its weight that a server has, which came back at `recoveredAtMs` (0: it never was away). */
export function rampOf(recoveredAtMs: number, slowStartMs: number, nowMs: number): number {
  if (recoveredAtMs === 0 || slowStartMs === 0) return 1;
  return Math.min(1, Math.max(LEAST, (nowMs - recoveredAtMs) / slowStartMs));
}
