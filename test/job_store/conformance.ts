/** What every job store does. Runs on each of them against the real thing. */
import { afterAll, beforeAll, describe } from "bun:test";
import { cancelling } from "./cancelling.ts";
import { claiming } from "./claiming.ts";
import { deadJobs } from "./dead_jobs.ts";
import { delays } from "./delays.ts";
import { desk } from "./desk.ts";
import { lanes } from "./lanes.ts";
import { leases } from "./leases.ts";
import { limits } from "./limits.ts";
import { queueRules } from "./queue_rules.ts";
import { records } from "./records.ts";
import { repeats } from "./repeats.ts";
import { schedules } from "./schedules.ts";
import { settling } from "./settling.ts";
import type { StoreUnderTest } from "./store_under_test.ts";

const START_WAIT_MS = 300_000;
const SUITES = {
  ...{ claiming, lanes, settling, delays, leases, "dead jobs": deadJobs },
  ...{ repeats, records, cancelling, limits, desk, "rules of a queue": queueRules, schedules },
};

/** Starts the store, and stops it when all has been tried. */
export function conformance(store: StoreUnderTest): void {
  beforeAll(() => store.start(), START_WAIT_MS);
  afterAll(() => store.stop());
  for (const [subject, suite] of Object.entries(SUITES)) describe(subject, () => suite(store));
}
