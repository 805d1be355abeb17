import type { Sample } from "../shared/metrics.ts";
import { LONGEST } from "./route_counts.ts";

/** How far back rates and percentiles look. */
const WINDOW_MS = 60_000;
const SNAPSHOTS_MAX = 16;
const REQUESTS = "trivet_proxy_requests_total";
const SECONDS = "trivet_proxy_request_seconds";
const COUNTED = new Set([REQUESTS, SECONDS, LONGEST]);

/** Of all requests, or of one backend's. */
interface Part {
  requests: number;
  failures: number;
  /** Requests by duration, not cumulative; the bounds are in seconds. */
  buckets: number[];
  bounds: readonly number[];
  /** The longest request of the last minute. */
  longestS: number;
}

interface Snapshot {
  atMs: number;
  all: Part;
  backends: Map<string, Part>;
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

  /** Of all requests; of each backend's by its name in `backends`. */
  view(samples: readonly Sample[], atMs: number): TrafficView & { backends: Record<string, TrafficView> } {
    const now = snapshotOf(samples, atMs);
    const then = this.#snapshots[0];
    const overS = Math.max(0.001, (atMs - (then?.atMs ?? atMs)) / 1000);
    const backends = [...now.backends].map(
      // One that was not there then has begun since.
      ([name, part]) => [name, viewOf(part, then && (then.backends.get(name) ?? newPart()), overS)] as const,
    );
    return { ...viewOf(now.all, then?.all, overS), backends: Object.fromEntries(backends) };
  }
}

function viewOf(now: Part, then: Part | undefined, overS: number): TrafficView {
  const during = now.buckets.map((n, i) => n - (then?.buckets[i] ?? 0));
  return {
    overS,
    requestsPerS: (now.requests - (then?.requests ?? now.requests)) / overS,
    failuresPerS: (now.failures - (then?.failures ?? now.failures)) / overS,
    p50Ms: quantileMs(during, now.bounds, 0.5, now.longestS),
    p99Ms: quantileMs(during, now.bounds, 0.99, now.longestS),
  };
}

function newPart(): Part {
  return { requests: 0, failures: 0, buckets: [], bounds: [], longestS: 0 };
}

function snapshotOf(samples: readonly Sample[], atMs: number): Snapshot {
  const snapshot: Snapshot = { atMs, all: newPart(), backends: new Map() };
  for (const sample of samples) {
    add(snapshot.all, sample);
    const { backend } = sample.labels;
    if (!backend || !COUNTED.has(sample.name)) continue;
    const part = snapshot.backends.get(backend) ?? newPart();
    add(part, sample);
    snapshot.backends.set(backend, part);
  }
  return snapshot;
}

function add(part: Part, { name, labels, value, buckets, bounds }: Sample): void {
  if (name === REQUESTS) {
    part.requests += value;
    if (labels["status"] === "5xx") part.failures += value;
  } else if (name === SECONDS && buckets && bounds) {
    part.bounds = bounds;
    part.buckets = buckets.map((n, i) => n + (part.buckets[i] ?? 0));
  } else if (name === LONGEST) {
    part.longestS = Math.max(part.longestS, value);
  }
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
