/** When a cron is due. */
import { Cron } from "croner";
import type { CronConfig } from "../../shared/config/schema.ts";

/** Slots that "all" enqueues at once; older ones are forgotten. */
const CATCH_UP_MAX = 100;
/** A slot this late was not missed: the clock or the process was busy. */
const ON_TIME_MS = 60_000;
const SECOND_MS = 1_000;
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
  const first = walk(cron, afterMs, untilMs, CATCH_UP_MAX + 1);
  if (first.length <= CATCH_UP_MAX) return first;
  // Ten days have 864,000 seconds: those at the end are looked for from there. In the order of time once more, because
  // only so a time that the clock jumps over has its slot.
  const [fromMs = afterMs] = cron
    .previousRuns(CATCH_UP_MAX + 1, new Date(untilMs + SECOND_MS))
    .map((slot) => slot.getTime() - 1)
    .slice(-1);
  return walk(cron, Math.max(afterMs, fromMs), untilMs, 2 * CATCH_UP_MAX).slice(-CATCH_UP_MAX);
}

function walk(cron: Cron, afterMs: number, untilMs: number, most: number): number[] {
  const slots: number[] = [];
  let next = cron.nextRun(new Date(afterMs));
  while (next && next.getTime() <= untilMs && slots.length < most) {
    slots.push(next.getTime());
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
