import type { TrafficView } from "./edges.ts";
import { formatAge, formatTable } from "./table.ts";

/** Rates and percentiles of the last minute, a row a name. */
export function trafficTable(
  title: string,
  rows: readonly { name: string; traffic: TrafficView | undefined }[],
): string {
  return formatTable(
    [title, "REQUESTS/S", "5XX/S", "P50", "P99", "OVER"],
    rows.map(({ name, traffic }) =>
      traffic
        ? [
            name,
            traffic.requestsPerS.toFixed(1),
            traffic.failuresPerS.toFixed(1),
            milliseconds(traffic.p50Ms),
            milliseconds(traffic.p99Ms),
            formatAge(traffic.overS * 1000),
          ]
        : [name, "-", "-", "-", "-", "-"],
    ),
  );
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? "-" : `${value.toFixed(1)} ms`;
}
