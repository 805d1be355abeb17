import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import type { CronConfig } from "../../shared/config/schema.ts";
import { newJob } from "../../shared/store/jobs/new_job.ts";
import type { JobHandlers } from "../sdk/define_jobs.ts";
import { cronDefaults, optionsOf } from "./cron_defaults.ts";

const cron = (fields: Partial<CronConfig> = {}): CronConfig => ({
  ...{ name: "nightly", schedule: "0 3 * * *", timezone: "UTC", type: "clean", payload: { of: "tmp" } },
  ...{ catch_up: "one" },
  ...fields,
});
const run = () => undefined;

test("a cron's jobs are what enqueue would make of its handler's defaults, over JSON too", () => {
  const expires = new Date("2030-01-01T00:00:00Z");
  const limit = { key: (payload: unknown) => (payload as { of: string }).of, concurrency: 2 };
  const handlers: JobHandlers = {
    clean: {
      ...({ queue: "night", lane: "low", keep: "1h", unique: true, attempts: 2 } as const),
      limit,
      expires,
      run,
    },
  };
  const given = JSON.parse(JSON.stringify(cronDefaults([cron()], handlers)));
  expect(newJob("clean", { of: "tmp" }, optionsOf(given.nightly, undefined))).toMatchObject({
    ...{ queue: "night", lane: "low", record: { ttlMs: 3_600_000, result: true }, attempts: null },
    ...{ limit: { key: "tmp", concurrency: 2 }, expiresAtMs: expires.getTime(), unique: { until: "done" } },
  });
  expect(optionsOf(given.nightly, "mine").queue).toBe("mine");
});

test("a type without a handler here has none; nothing told yet is none", () => {
  expect(cronDefaults([cron({ type: "toString" })], {})).toEqual({ nightly: {} });
  expect(optionsOf(undefined, undefined)).toEqual({});
});

test("what the handler would refuse is named with its cron", () => {
  const schema = Type.Object({ of: Type.Number() });
  expect(() => cronDefaults([cron()], { clean: { schema, run } })).toThrow(
    'cron "nightly": job "clean": payload.of does not match its schema: Expected number',
  );
  const limit = { key: () => "", concurrency: 1 };
  expect(() => cronDefaults([cron()], { clean: { limit, run } })).toThrow(
    /^cron "nightly": job "clean": limit.key is ""/,
  );
});
