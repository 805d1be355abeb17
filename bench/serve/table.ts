import { table } from "../rig/table.ts";

export interface MemoryRow {
  name: string;
  /** Everything of the server, with one process that answers. */
  oneBytes: number;
  fourBytes: number;
  /** What each further process adds. */
  moreBytes: number;
}

export interface StartRow {
  name: string;
  starts: number;
  medianMs: number;
  worstMs: number;
}

const MIB = 1024 ** 2;

export function memoryTable(rows: readonly MemoryRow[]): string {
  const header = ["server", "one process, MiB", "four processes, MiB", "each further process, MiB"];
  return table(
    header,
    rows.map(({ name, oneBytes, fourBytes, moreBytes }) => [
      name,
      ...[oneBytes, fourBytes, moreBytes].map((bytes) => (bytes / MIB).toFixed(1)),
    ]),
  );
}

export function startTable(rows: readonly StartRow[]): string {
  const header = ["process", "starts", "start to ready, median ms", "worst ms"];
  return table(
    header,
    rows.map(({ name, starts, medianMs, worstMs }) => [
      name,
      String(starts),
      medianMs.toFixed(0),
      worstMs.toFixed(0),
    ]),
  );
}
