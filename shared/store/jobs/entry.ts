/** How the less used half of a job is written in either store: a JSON array, first its version. */
import type { Backoff, NewJob } from "./job.ts";

const VERSION = 1;
const KINDS: readonly string[] = ["curve", "fixed", "exponential"] satisfies Backoff["kind"][];

export type JobOptions = Pick<NewJob, "enqueuedAtMs" | "attempts" | "backoff" | "timeoutMs" | "trace">;
type OptionsRow = [number, number, number | null, string | null, number, number | null, string];

export function writeOptions({ enqueuedAtMs, attempts, backoff, timeoutMs, trace }: JobOptions): OptionsRow {
  return [VERSION, enqueuedAtMs, attempts, backoff?.kind ?? null, backoff?.delayMs ?? 0, timeoutMs, trace];
}

/** Throws an Error that says what is wrong when `row` was not written by writeOptions. */
export function readOptions(row: unknown): JobOptions {
  if (!Array.isArray(row) || row.length < 7) throw new Error("its options are not a list");
  const [version, enqueuedAtMs, attempts, kind, delayMs, timeoutMs, trace] = row as unknown[];
  if (version !== VERSION) throw new Error(`its version is ${String(version)}: a newer Trivet wrote it`);
  const known =
    typeof enqueuedAtMs === "number" &&
    isNumberOrNull(attempts) &&
    (kind === null || (typeof kind === "string" && KINDS.includes(kind))) &&
    typeof delayMs === "number" &&
    isNumberOrNull(timeoutMs) &&
    typeof trace === "string";
  if (!known) throw new Error("its options have the wrong types");
  const backoff = kind === null ? null : { kind: kind as Backoff["kind"], delayMs };
  return { enqueuedAtMs, attempts, backoff, timeoutMs, trace };
}

function isNumberOrNull(value: unknown): value is number | null {
  return value === null || typeof value === "number";
}
