/** How the values of enqueue's options are read. All throw a TypeError whose sentence names the option that is wrong. */
import { parseDuration } from "../../config/duration.ts";

/** "30s", or a number of milliseconds. */
export type DurationOption = string | number;
/** At most so many in any stretch of a time. */
export interface RateOption {
  jobs: number;
  per: DurationOption;
}

const KEY_CHARS_MAX = 200;
const COUNT_MAX = 1_000_000;
const SHOWN_CHARS_MAX = 100;
/** 1973: no job is meant for then, but seconds that were taken for milliseconds are before it. */
const EARLIEST_MS = 1e11;

export function readDuration(type: string, name: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return Math.round(value);
  const expected = 'a duration like "30s", or milliseconds';
  if (typeof value !== "string") throw wrong(type, name, value, expected);
  try {
    return Math.round(parseDuration(value));
  } catch (error) {
    if (error instanceof RangeError) throw wrong(type, name, value, expected);
    throw error;
  }
}

/** A moment in milliseconds since 1970. */
export function readMoment(
  type: string,
  name: string,
  value: Date | string | number,
  expected: string,
): number {
  // new Date(null) is 1970.
  const ms = value === null ? Number.NaN : new Date(value).getTime();
  if (Number.isNaN(ms)) throw wrong(type, name, value, expected);
  if (ms < EARLIEST_MS)
    throw new TypeError(
      `job "${type}": ${name} is ${new Date(ms).toISOString()}: it must be in milliseconds since 1970, and looks like seconds`,
    );
  return ms;
}

export function readKey(type: string, name: string, value: unknown): string {
  // Keys stand in names of the store, each a line at most.
  const isText = typeof value === "string" && value.isWellFormed() && value.length <= KEY_CHARS_MAX;
  if (isText && /^[^\p{Cc}]+$/u.test(value)) return value;
  const unlike = "no control characters, no half of one that takes two";
  throw wrong(type, name, value, `a text of 1 to ${KEY_CHARS_MAX} characters, ${unlike}`);
}

export function readCount(type: string, name: string, value: unknown, least = 1): number {
  if (Number.isInteger(value) && Number(value) >= least && Number(value) <= COUNT_MAX) return Number(value);
  throw wrong(type, name, value, `a whole number from ${least} to ${COUNT_MAX}`);
}

export function readBoolean(type: string, name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw wrong(type, name, value, "true or false");
}

/** The fields of an option that is an object; only these are there. */
export function readFields(
  type: string,
  name: string,
  value: unknown,
  fields: readonly string[],
): Record<string, unknown> {
  const expected = `an object with ${fields.join(", ")}`;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw wrong(type, name, value, expected);
  const unknown = Object.keys(value).find((field) => !fields.includes(field));
  if (unknown) throw new TypeError(`job "${type}": ${name} has no "${unknown}": use ${fields.join(", ")}`);
  return value as Record<string, unknown>;
}

export function wrong(type: string, name: string, value: unknown, expected: string): TypeError {
  const shown = Bun.inspect(value);
  const short = shown.length > SHOWN_CHARS_MAX ? `${shown.slice(0, SHOWN_CHARS_MAX)}…` : shown;
  return new TypeError(`job "${type}": ${name} is ${short}: it must be ${expected}`);
}
