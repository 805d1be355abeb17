export interface CpuRow {
  title: string;
  proxy: string;
  /** A request. */
  cpuUs: number;
  /** To HAProxy, in the same round; NaN without it. */
  ratio: number;
  ratioMin: number;
  ratioMax: number;
  perSecond: number;
  /** The share of one core. */
  busy: number;
  p50Us: number;
  p99Us: number;
  requests: number;
  failed: number;
}

export interface OfferedRow {
  proxy: string;
  /** Requests a second. */
  offered: number;
  perSecond: number;
  p50Us: number;
  p99Us: number;
  worstGapMs: number;
  requests: number;
  failed: number;
}

export interface IdleRow {
  proxy: string;
  baseBytes: number;
  connectionBytes: number;
  connections: number;
  failed: number;
}

const MIB = 1024 ** 2;

export function cpuTable(rows: readonly CpuRow[]): string {
  const header = [
    "work",
    "proxy",
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
      row.proxy,
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

export function offeredTable(rows: readonly OfferedRow[]): string {
  const header = [
    "proxy",
    "offered/s",
    "answered/s",
    "p50 ms",
    "p99 ms",
    "longest gap of the load, ms",
    "failed",
  ];
  return table(
    header,
    rows.map((row) => [
      row.proxy,
      String(row.offered),
      row.perSecond.toFixed(0),
      (row.p50Us / 1000).toFixed(2),
      (row.p99Us / 1000).toFixed(2),
      row.worstGapMs.toFixed(1),
      String(row.failed),
    ]),
  );
}

export function idleTable(rows: readonly IdleRow[]): string {
  const header = ["proxy", "before, MiB", "idle connections", "bytes a connection", "failed"];
  return table(
    header,
    rows.map((row) => [
      row.proxy,
      (row.baseBytes / MIB).toFixed(1),
      String(row.connections),
      row.connectionBytes.toFixed(0),
      String(row.failed),
    ]),
  );
}

/** As Markdown, for bench/README.md. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), `|${"---|".repeat(header.length)}`, ...rows.map(line)].join("\n");
}
