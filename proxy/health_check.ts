import type { HealthConfig } from "../shared/config/schema.ts";
import type { StatusSet } from "./status_set.ts";

/** One check of one server. */
export interface CheckResult {
  passed: boolean;
  /** "200", or why there was no answer. */
  said: string;
  tookMs: number;
  atMs: number;
}

/** GET of the health path on a connection of its own; redirects are not followed, the body is not read. */
export async function checkServer(
  address: string,
  health: HealthConfig,
  expect: StatusSet,
): Promise<CheckResult> {
  const atMs = Date.now();
  const started = performance.now();
  const done = (passed: boolean, said: string): CheckResult => ({
    passed,
    said,
    tookMs: performance.now() - started,
    atMs,
  });
  const unix = address.startsWith("unix:") ? address.slice("unix:".length) : undefined;
  try {
    const response = await fetch(`http://${unix === undefined ? address : "localhost"}${health.path}`, {
      headers: { Host: health.host, "User-Agent": "trivet-health", Connection: "close" },
      redirect: "manual",
      signal: AbortSignal.timeout(health.timeout),
      keepalive: false,
      ...(unix === undefined ? {} : { unix }),
    });
    await response.body?.cancel();
    return done(expect.has(response.status), String(response.status));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return done(
      false,
      error.name === "TimeoutError" ? `no answer within ${health.timeout} ms` : failureOf(error),
    );
  }
}

function failureOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
