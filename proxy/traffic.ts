import type { Sample } from "../shared/metrics.ts";
import { LONGEST } from "./route_counts.ts";

/** How far back rates and percentiles look. */
const WINDOW_MS = 60_000;
const SNAPSHOTS_MAX = 16;

interface Snapshot {
  atMs: number;
  requests: number;
  failures: number;
  /** Requests by duration, not cumulative; the bounds are in seconds. */
  buckets: number[];
  bounds: readonly number[];
  /** The longest request of the last minute. */
  longestS: number;
}

/** What `trivet status` shows of the edge's last minute. */
export interface TrafficView {
  overS: number;
  requestsPerS: number;
  /** Answers with 5xx, ours and the servers'. */
  failuresPerS: number;
  /** Undefined when there was no request. */
  p50Ms: number | undefined;
  p99Ms: number | undefined;
}

/** Rates and percentiles over the last minute, made from counters that only grow. */
export class Traffic {
  readonly #snapshots: Snapshot[] = [];

  take(samples: readonly Sample[], atMs: number): void {
    this.#snapshots.push(snapshotOf(samples, atMs));
    while (this.#snapshots.length > SNAPSHOTS_MAX || (this.#snapshots[1]?.atMs ?? atMs) < atMs - WINDOW_MS) {
      this.#snapshots.shift();
    }
  }

  view(samples: readonly Sample[], atMs: number): TrafficView {
    const now = snapshotOf(samples, atMs);
    const then = this.#snapshots[0];
    const overS = Math.max(0.001, (atMs - (then?.atMs ?? atMs)) / 1000);
    const during = now.buckets.map((n, i) => n - (then?.buckets[i] ?? 0));
    return {
      overS,
      requestsPerS: (now.requests - (then?.requests ?? now.requests)) / overS,
      failuresPerS: (now.failures - (then?.failures ?? now.failures)) / overS,
      p50Ms: quantileMs(during, now.bounds, 0.5, now.longestS),
      p99Ms: quantileMs(during, now.bounds, 0.99, now.longestS),
    };
  }
}

function snapshotOf(samples: readonly Sample[], atMs: number): Snapshot {
  const snapshot: Snapshot = { atMs, requests: 0, failures: 0, buckets: [], bounds: [], longestS: 0 };
  for (const { name, labels, value, buckets, bounds } of samples) {
    if (name === "trivet_proxy_requests_total") {
      snapshot.requests += value;
      if (labels["status"] === "5xx") snapshot.failures += value;
    } else if (name === "trivet_proxy_request_seconds" && buckets && bounds) {
      snapshot.bounds = bounds;
      snapshot.buckets = buckets.map((n, i) => n + (snapshot.buckets[i] ?? 0));
    } else if (name === LONGEST) {
      snapshot.longestS = Math.max(snapshot.longestS, value);
    }
  }
  return snapshot;
}

/** The duration that this share of the requests did not exceed, evenly spread within its bucket; never above the longest. */
export function quantileMs(
  buckets: readonly number[],
  bounds: readonly number[],
  share: number,
  longestS: number,
): number | undefined {
  const total = buckets.reduce((sum, n) => sum + n, 0);
  if (total <= 0) return undefined;
  let left = total * share;
  for (let i = 0; i < buckets.length; i++) {
    const n = buckets[i] ?? 0;
    if (n === 0 || left > n) {
      left -= n;
      continue;
    }
    const to = Math.min(bounds[i] ?? longestS, longestS);
    const from = Math.min(bounds[i - 1] ?? 0, to);
    return (from + (to - from) * (left / n)) * 1000;
  }
  return longestS * 1000;
}
