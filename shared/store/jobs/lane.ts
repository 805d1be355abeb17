/** The lanes of a queue: which of its waiting jobs are begun first. */

export const LANES = ["high", "normal", "low"] as const;
export type Lane = (typeof LANES)[number];

/** How a lane is written in the stores. */
export const LANE_NUMBERS: Readonly<Record<Lane, number>> = { high: 0, normal: 1, low: 2 };

/** How the stores write where jobs are that run alone. */
export const ALONE_LANE = 3;

/**
 * In which order claim number `turn` looks into the lanes. Of 16 claims 12 begin with high, 3 with normal and 1 with
 * low, so that none starves however full the others are.
 */
export function laneOrder(turn: number): readonly [number, number, number] {
  if (turn % 16 === 15) return [2, 0, 1];
  return turn % 4 === 3 ? [1, 0, 2] : [0, 1, 2];
}

/** Throws an Error when the number names no lane. */
export function laneNumbered(number: unknown): Lane {
  const lane = typeof number === "number" ? LANES[number] : undefined;
  if (!lane) throw new Error(`it is in lane ${String(number)}, which there is not`);
  return lane;
}
