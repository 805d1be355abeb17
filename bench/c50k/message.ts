/** What the children of bench/c50k.ts tell it. */
export type CrowdMessage =
  | { kind: "held"; origin: number; tick: number; held: number }
  | { kind: "asked"; load: number; asked: number; answered: number; failed: number }
  | { kind: "done"; load: number; timesMs: number[]; reasons: Record<string, number> };

/** Origins count at the same moments of the machine's clock, so that their counts can be added. */
export const TICK_MS = 250;

export const HELD_PATH = "/held";
export const BODY = "held, and answered";
