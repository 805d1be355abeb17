/** How the tables write where a job waits: in its lane, or, when it must run alone, in that of the same name beyond. */
import { LANES, type Lane, laneNumbered } from "./lane.ts";

/** So far beyond its lane waits a job that must run alone: they share the index of free jobs, and no claim meets both. */
export const ALONE = 4;
export const ALONE_LANES: readonly number[] = LANES.map((_, lane) => lane + ALONE);

export function isAlone(lane: number): boolean {
  return lane >= ALONE;
}

/** Throws an Error when the number names no lane. */
export function homeLane(lane: number): Lane {
  return laneNumbered(isAlone(lane) ? lane - ALONE : lane);
}
