/** When a cron is due. */
import { Cron } from "croner";
import type { CronConfig } from "../../shared/config/schema.ts";

/** Slots that "all" enqueues at once; older ones are forgotten. */
const CATCH_UP_MAX = 100;
/** A slot this late was not missed: the clock or the process was busy. */
const ON_TIME_MS = 60_000;
/** Looked at, to find the last ones of a long time away. */
const SLOTS_MAX = 100_000;

/**
 * The moments of a schedule after one and up to another, the latest 100, in milliseconds. On the clock of the time zone:
 * a time that the clock jumps over in spring is due right after the jump; one that it passes twice in autumn is due
 * once, but every step of a schedule like "*\/30" is.
 */
export function slotsBetween(
  { schedule, timezone }: Pick<CronConfig, "schedule" | "timezone">,
  afterMs: number,
  untilMs: number,
): number[] {
  const cron = new Cron(schedule, { timezone, paused: true });
  const slots: number[] = [];
  let next = cron.nextRun(new Date(afterMs));
  for (let seen = 0; next && next.getTime() <= untilMs && seen < SLOTS_MAX; seen++) {
    slots.push(next.getTime());
    if (slots.length > CATCH_UP_MAX) slots.shift();
    next = cron.nextRun(next);
  }
  return slots;
}

/** Milliseconds from `nowMs` to the next slot; undefined when there is none any more. */
export function untilNextSlot(
  { schedule, timezone }: Pick<CronConfig, "schedule" | "timezone">,
  nowMs: number,
): number | undefined {
  const next = new Cron(schedule, { timezone, paused: true }).nextRun(new Date(nowMs));
  return next ? next.getTime() - nowMs : undefined;
}

/** Those of the due slots that are to be enqueued. */
export function chosenSlots(
  slots: readonly number[],
  catchUp: CronConfig["catch_up"],
  nowMs: number,
): number[] {
  switch (catchUp) {
    case "all":
      return [...slots];
    case "one":
      return slots.slice(-1);
    case "skip":
      return slots.filter((slotMs) => nowMs - slotMs <= ON_TIME_MS);
  }
}
