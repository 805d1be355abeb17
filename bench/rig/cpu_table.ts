import { table } from "./table.ts";

export interface CpuRow {
  title: string;
  name: string;
  /** A request. */
  cpuUs: number;
  /** To the measure, in the same round; NaN without it. */
  ratio: number;
  ratioMin: number;
  ratioMax: number;
  perSecond: number;
  /** The share of one core that it used. */
  busy: number;
  p50Us: number;
  p99Us: number;
  requests: number;
  failed: number;
}

/** `who`: what the rows compare. */
export function cpuTable(rows: readonly CpuRow[], who: string): string {
  const header = [
    "work",
    who,
    "CPU µs a request",
    "ratio (least–most)",
    "requests/s",
    "busy",
    "p50 ms",
    "p99 ms",
    "failed",
  ];
  return table(
    header,
    rows.map((row) => [
      row.title,
      row.name,
      row.cpuUs.toFixed(1),
      Number.isNaN(row.ratio)
        ? "-"
        : `${row.ratio.toFixed(2)} (${row.ratioMin.toFixed(2)}–${row.ratioMax.toFixed(2)})`,
      row.perSecond.toFixed(0),
      `${(row.busy * 100).toFixed(0)} %`,
      (row.p50Us / 1000).toFixed(2),
      (row.p99Us / 1000).toFixed(2),
      String(row.failed),
    ]),
  );
}
