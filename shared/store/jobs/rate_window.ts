/**
 * A rate as a window that slides: in no stretch of `perMs` do more than `jobs` begin. The begins are counted in spans of
 * a 64th of it, so that what is kept is bounded; one gives its place back when its span has left the window, a 64th later
 * than it could at most. The scripts of Redis reckon the same (redis_lua_claim.ts).
 */
import type { Limit } from "./job.ts";

export const RATE_SPANS = 64;

type Rate = NonNullable<Limit["rate"]>;

/** How many began in a span of time, by its end; the oldest first. */
export type Begins = readonly (readonly [endMs: number, count: number])[];

export function readBegins(text: string): Begins {
  return text === "" ? [] : (JSON.parse(text) as Begins);
}

/** How many may begin now; when none may, how long until one may. */
export function roomOf(
  { jobs, perMs }: Rate,
  begins: Begins,
  nowMs: number,
): { free: number; waitMs: number } {
  const recent = recentOf(begins, perMs, nowMs);
  const total = recent.reduce((sum, [, count]) => sum + count, 0);
  const [oldest] = recent;
  if (total < jobs || !oldest) return { free: Math.max(1, jobs - total), waitMs: 0 };
  return { free: 0, waitMs: oldest[0] + perMs - nowMs };
}

/** With one that begins now. */
export function withBegin(begins: Begins, perMs: number, nowMs: number): Begins {
  const recent = recentOf(begins, perMs, nowMs);
  const span = spanOf(perMs);
  const endMs = (Math.floor(nowMs / span) + 1) * span;
  const last = recent.at(-1);
  return last && last[0] >= endMs
    ? [...recent.slice(0, -1), [last[0], last[1] + 1]]
    : [...recent, [endMs, 1]];
}

/** Without the latest. */
export function withoutBegin(begins: Begins): Begins {
  const last = begins.at(-1);
  return last ? [...begins.slice(0, -1), [last[0], Math.max(0, last[1] - 1)]] : begins;
}

/** One far ahead is from before the clock was set back. */
function recentOf(begins: Begins, perMs: number, nowMs: number): Begins {
  const span = spanOf(perMs);
  return begins.filter(([endMs]) => endMs + perMs > nowMs && endMs <= nowMs + span);
}

function spanOf(perMs: number): number {
  return Math.max(1, Math.floor(perMs / RATE_SPANS));
}
