import { table } from "../rig/table.ts";

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
