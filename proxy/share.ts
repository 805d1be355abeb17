/**
 * What one of many processes may use of a limit for all: together they keep to it, but none has less than 1. Infinity
 * for 0, no limit. Processes count from 0.
 */
export function shareOf(limit: number, process: number, processes: number): number {
  if (limit === 0) return Number.POSITIVE_INFINITY;
  return Math.max(1, Math.floor((limit + processes - 1 - process) / processes));
}
