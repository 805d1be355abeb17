/** No acknowledged job is lost when workers, store processes and Redis are killed. test/long has the full size. */
import { expect, test } from "bun:test";
import { RedisServer } from "./harness/redis_server.ts";
import { crashRun } from "./jobs/crash_run.ts";
import { CrashSite } from "./jobs/crash_site.ts";

const JOBS = 3_000;

test("SQLite: workers and the store process are killed", async () => {
  await using site = await CrashSite.start();
  const kill = () => site.killOne();
  const blows = [kill, kill, () => site.killOne("store"), () => site.killSupervisor(), kill];
  const report = await crashRun(site, { jobs: JOBS, blows });
  console.log("SQLite", report);
  expect(report).toMatchObject({ lost: 0, odd: 0 });
  // Two supervisors, their store processes and this one wrote to one file.
  expect(site.logs).not.toContain("locked");
}, 400_000);

test("Redis: workers are killed, and Redis itself", async () => {
  await using redis = await RedisServer.start();
  await using site = await CrashSite.start({ url: redis.url });
  const kill = () => site.killOne();
  const restart = async () => {
    await redis.kill();
    await redis.start();
  };
  const report = await crashRun(site, {
    jobs: JOBS,
    blows: [kill, kill, restart, () => site.killSupervisor(), kill],
  });
  console.log("Redis", report);
  expect(report).toMatchObject({ lost: 0, odd: 0 });
}, 400_000);
