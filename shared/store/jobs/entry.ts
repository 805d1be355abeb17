/** How the less used parts of a job are written in either store: as JSON, the options with their version first. */
import type { AttemptFailure, Backoff, Limit, NewJob, RecordWish, Unique } from "./job.ts";

const VERSION = 2;
const OLDEST_VERSION = 1;
const KINDS: readonly string[] = ["curve", "fixed", "exponential"] satisfies Backoff["kind"][];

export type JobOptions = Pick<
  NewJob,
  "enqueuedAtMs" | "attempts" | "backoff" | "timeoutMs" | "trace" | "expiresAtMs"
>;
type OptionsRow = [number, number, number | null, string | null, number, number | null, string, number];

/** What makes a job more work for the store than to hand it out and forget it. */
export type JobExtras = Pick<NewJob, "unique" | "record" | "limit">;

/** Short names: it stands beside every such job, and the scripts of Redis read it. */
interface ExtrasText {
  /** The job's id. */
  i: string;
  u?: [key: string, ttlMs: number, untilStart: 0 | 1];
  r?: [ttlMs: number, result: 0 | 1];
  k?: [key: string, concurrency: number, rateJobs: number, ratePerMs: number];
}

/** Another version's entry: that one can read it. */
export class NewerEntry extends Error {
  override readonly name = "NewerEntry";
}

export function writeOptions(job: JobOptions): OptionsRow {
  const { enqueuedAtMs, attempts, backoff, timeoutMs, trace, expiresAtMs } = job;
  return [
    VERSION,
    enqueuedAtMs,
    attempts,
    backoff?.kind ?? null,
    backoff?.delayMs ?? 0,
    timeoutMs,
    trace,
    expiresAtMs,
  ];
}

/** Throws an Error that says what is wrong when `row` was not written by writeOptions. */
export function readOptions(row: unknown): JobOptions {
  if (!Array.isArray(row) || row.length < 7) throw new Error("its options are not a list");
  const [version, enqueuedAtMs, attempts, kind, delayMs, timeoutMs, trace, expiresAtMs = 0] =
    row as unknown[];
  if (typeof version !== "number" || version < OLDEST_VERSION) throw new Error("its options have no version");
  if (version > VERSION) {
    throw new NewerEntry(`its version is ${String(version)}: a newer Trivet wrote it`);
  }
  const known =
    typeof enqueuedAtMs === "number" &&
    isNumberOrNull(attempts) &&
    (kind === null || (typeof kind === "string" && KINDS.includes(kind))) &&
    typeof delayMs === "number" &&
    isNumberOrNull(timeoutMs) &&
    typeof trace === "string" &&
    typeof expiresAtMs === "number";
  if (!known) throw new Error("its options have the wrong types");
  const backoff = kind === null ? null : { kind: kind as Backoff["kind"], delayMs };
  return { enqueuedAtMs, attempts, backoff, timeoutMs, trace, expiresAtMs };
}

/** "" when there are none. */
export function writeExtras({ id, unique, record, limit }: Pick<NewJob, "id"> & JobExtras): string {
  if (!unique && !record && !limit) return "";
  const text: ExtrasText = { i: id };
  if (unique) text.u = [unique.key, unique.ttlMs, unique.until === "start" ? 1 : 0];
  if (record) text.r = [record.ttlMs, record.result ? 1 : 0];
  if (limit) text.k = [limit.key, limit.concurrency, limit.rate?.jobs ?? 0, limit.rate?.perMs ?? 0];
  return JSON.stringify(text);
}

/** Throws an Error when the text was not written by writeExtras. */
export function readExtras(text: string): JobExtras {
  if (text === "") return { unique: null, record: null, limit: null };
  const { u, r, k } = JSON.parse(text) as ExtrasText;
  const unique: Unique | null = u ? { key: u[0], ttlMs: u[1], until: u[2] ? "start" : "done" } : null;
  const record: RecordWish | null = r ? { ttlMs: r[0], result: r[1] === 1 } : null;
  const rate = k && k[2] > 0 ? { jobs: k[2], perMs: k[3] } : null;
  const limit: Limit | null = k ? { key: k[0], concurrency: k[1], rate } : null;
  return { unique, record, limit };
}

/** "" when nothing went wrong yet. */
export function writeHistory(history: readonly AttemptFailure[]): string {
  return history.length === 0
    ? ""
    : JSON.stringify(history.map(({ attempt, atMs, error }) => [attempt, atMs, error]));
}

/** Throws an Error when the text was not written by writeHistory. */
export function readHistory(text: string): AttemptFailure[] {
  if (text === "") return [];
  const rows = JSON.parse(text) as [number, number, string][];
  return rows.map(([attempt, atMs, error]) => ({ attempt, atMs, error }));
}

function isNumberOrNull(value: unknown): value is number | null {
  return value === null || typeof value === "number";
}
