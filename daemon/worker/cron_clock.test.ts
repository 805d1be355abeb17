import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import type { CronConfig } from "../../shared/config/schema.ts";
import { SqliteJobStore } from "../../shared/store/jobs/sqlite.ts";
import { Folder } from "../../test/harness/folder.ts";
import { CronClock } from "./cron_clock.ts";

let folder: Folder;
let store: SqliteJobStore;
let nowMs = 0;
beforeEach(async () => {
  folder = await Folder.make();
  store = new SqliteJobStore(join(folder.path, "trivet.db"));
  nowMs = Date.parse("2026-05-01T00:00:30Z");
});
afterEach(async () => {
  await store.close();
  await folder[Symbol.asyncDispose]();
});

const cron = (fields: Partial<CronConfig> = {}): CronConfig => ({
  ...{ name: "hourly", schedule: "0 * * * *", timezone: "UTC", type: "clean", payload: { n: 1 } },
  catch_up: "one",
  ...fields,
});

/** A supervisor's clock that is ticked by hand: it has no timer once it is stopped. */
function clock(...crons: CronConfig[]): CronClock {
  const made = new CronClock(store, () => nowMs);
  made.stop();
  made.use(crons);
  return made;
}

async function enqueued(): Promise<string[]> {
  const { jobs } = await store.claim("default", "a", 200, 0, new AbortController().signal);
  await store.settle(
    "a",
    jobs.map(({ queue, fence }) => ({ queue, fence, outcome: { kind: "ack" } })),
  );
  return jobs.map(({ id }) => id.replace(/^cron:.*?:2026-/, ""));
}

test("each slot is enqueued once, whoever ticks and however often", async () => {
  const [one, two] = [clock(cron()), clock(cron())];
  await Promise.all([one.tick(), two.tick()]);
  expect(await enqueued()).toEqual([]);
  nowMs += 3_600_000;
  await Promise.all([one.tick(), two.tick(), one.tick()]);
  await clock(cron()).tick();
  expect(await enqueued()).toEqual(["05-01T01:00:00Z"]);
  await two.tick();
  expect(await enqueued()).toEqual([]);
});

test("the clock set back repeats nothing, set forward counts as time away", async () => {
  const one = clock(cron({ catch_up: "all" }));
  await one.tick();
  nowMs += 3_600_000;
  await one.tick();
  expect(await enqueued()).toEqual(["05-01T01:00:00Z"]);
  nowMs -= 7_200_000;
  await one.tick();
  nowMs += 7_200_000;
  await one.tick();
  expect(await enqueued()).toEqual([]);
  nowMs += 2 * 3_600_000;
  await one.tick();
  expect(await enqueued()).toEqual(["05-01T02:00:00Z", "05-01T03:00:00Z"]);
});

test.each([
  ["one", 1],
  ["skip", 0],
  ["all", 5],
] as const)("after five hours away, catch_up %s enqueues %i", async (catch_up, jobs) => {
  await clock(cron({ catch_up })).tick();
  nowMs += 5 * 3_600_000 + 120_000;
  await clock(cron({ catch_up })).tick();
  expect((await enqueued()).length).toBe(jobs);
  nowMs += 3_600_000 - 140_000;
  await clock(cron({ catch_up })).tick();
  expect((await enqueued()).length).toBe(1);
});

test("a tick that died after its enqueue is made up for without a second job", async () => {
  await clock(cron()).tick();
  nowMs += 3_600_000;
  const dies = {
    enqueue: store.enqueue.bind(store),
    crons: { ...store.crons, done: () => Promise.reject(new Error("no")) },
  };
  const dying = new CronClock(dies, () => nowMs);
  dying.stop();
  dying.use([cron()]);
  await dying.tick().catch(() => undefined);
  await clock(cron()).tick();
  expect(await enqueued()).toEqual(["05-01T01:00:00Z"]);
});

test("its jobs take what their handlers say, and the cron's queue before theirs", async () => {
  const one = clock(cron(), cron({ name: "mine", queue: "mine" }));
  await one.tick();
  one.learn({ hourly: { queue: "night", lane: "low", keep: "1h" }, mine: { queue: "night" } });
  nowMs += 3_600_000;
  await one.tick();
  expect(await store.records.get("cron:hourly:2026-05-01T01:00:00Z")).toMatchObject({
    queue: "night",
    lane: "low",
  });
  expect(await store.records.get("cron:mine:2026-05-01T01:00:00Z")).toMatchObject({ queue: "mine" });
});
