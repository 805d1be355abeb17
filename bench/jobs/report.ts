import { table } from "../rig/table.ts";
import type { Cost, Memory } from "./contender.ts";
import type { SqliteRow } from "./sqlite_site.ts";

export interface CostRow extends Partial<Memory> {
  work: string;
  name: string;
  cost: Cost;
  /** In each round, how many times the CPU a job of the first contender. */
  ratios?: readonly number[];
}

export interface LatencyRow {
  name: string;
  /** Sorted. */
  ms: number[];
}

/** The row in the middle by CPU a job. */
export function median(rows: readonly CostRow[]): CostRow | undefined {
  return rows.toSorted((a, b) => totalUs(a.cost) - totalUs(b.cost))[Math.floor(rows.length / 2)];
}

/** The median round of each contender, in their order, with the ratios of all rounds. */
export function summary(rounds: readonly (readonly CostRow[])[]): CostRow[] {
  const names = rounds[0]?.map(({ name }) => name) ?? [];
  return names.flatMap((_, i) => {
    const row = median(rounds.flatMap((round) => round[i] ?? []));
    const ratios = rounds.flatMap(({ [0]: first, [i]: other }) =>
      first && other ? totalUs(other.cost) / totalUs(first.cost) : [],
    );
    return row ? { ...row, ratios } : [];
  });
}

/** "" when there are none. "CPU" is against the first contender's: the median of the rounds (least–most). */
export function costTable(rows: readonly CostRow[]): string {
  if (rows.length === 0) return "";
  const cells = rows.map(({ work, name, cost, jobBytes, leftBytes, ratios = [] }) => {
    const ours = rows.find((row) => row.work === work);
    const { jobs, ms, clientUs, serverUs } = cost;
    return [
      ...[work, name, (clientUs / jobs).toFixed(1), (serverUs / jobs).toFixed(1)],
      ...[Math.round(1e6 / totalUs(cost)).toString(), Math.round((jobs / ms) * 1000).toString()],
      ours && ours.name !== name ? spread(ratios) : "",
      jobBytes === undefined ? "" : `${Math.round(jobBytes)} (${Math.round((leftBytes ?? 0) / jobs)})`,
    ];
  });
  const header = [
    "work",
    "who",
    "client µs/job",
    "server µs/job",
    "jobs a CPU second",
    "jobs/s",
    "CPU",
    "bytes/job (left)",
  ];
  return table(header, cells);
}

export function latencyTable(rows: readonly LatencyRow[]): string {
  if (rows.length === 0) return "";
  const at = (ms: readonly number[], part: number) => (ms[Math.floor(ms.length * part)] ?? 0).toFixed(2);
  const header = ["enqueue to handler", "p50 ms", "p90 ms", "p99 ms"];
  return table(
    header,
    rows.map(({ name, ms }) => [name, at(ms, 0.5), at(ms, 0.9), at(ms, 0.99)]),
  );
}

export function sqliteTable(rows: readonly SqliteRow[]): string {
  if (rows.length === 0) return "";
  const header = [
    "SQLite, FULL, 2 apps, 2 workers",
    "jobs/s",
    "CPU µs/job",
    "worst stall of an app ms",
    "of a worker ms",
  ];
  return table(
    header,
    rows.map(({ jobs, ms, us, appStallMs, workerStallMs }) => [
      ...[String(jobs), Math.round((jobs / ms) * 1000).toString(), (us / jobs).toFixed(1)],
      ...[appStallMs.toFixed(0), workerStallMs.toFixed(0)],
    ]),
  );
}

function totalUs({ clientUs, serverUs, jobs }: Cost): number {
  return (clientUs + serverUs) / jobs;
}

function spread(ratios: readonly number[]): string {
  const sorted = ratios.toSorted((a, b) => a - b);
  const [least, middle, most] = [0, Math.floor(sorted.length / 2), sorted.length - 1].map((i) => sorted[i]);
  if (least === undefined || middle === undefined || most === undefined) return "";
  return `${middle.toFixed(2)}× (${least.toFixed(2)}–${most.toFixed(2)})`;
}
