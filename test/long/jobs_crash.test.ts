/** 20,000 jobs, a tenth of the handlers failing, ten kill -9, and what else befalls a store. */
import { expect, test } from "bun:test";
import { newJob } from "../../shared/store/jobs/new_job.ts";
import { RedisSentinel } from "../harness/redis_sentinel.ts";
import { RedisServer } from "../harness/redis_server.ts";
import { until } from "../harness/until.ts";
import { type CrashPlan, type CrashReport, crashRun } from "../jobs/crash_run.ts";
import { CrashSite, QUEUE } from "../jobs/crash_site.ts";
import { SmallDisk } from "../jobs/small_disk.ts";

const JOBS = 20_000;
const KILLS = 10;
const FREEZE_MS = 20_000;
/** What appendfsync everysec may cost. */
const POWER_LOSS_MS = 1_000;
const FULL_MS = 5_000;
const DEADLINE_MS = 300_000;
const DISK_BYTES = 96 * 1024 ** 2;

/** Ten kills of workers, one of them of a whole supervisor, and in their middle what `trouble` says. */
async function tenKills(
  what: string,
  site: CrashSite,
  trouble?: CrashPlan["blows"][number],
  more: Partial<CrashPlan> = {},
): Promise<CrashReport> {
  const kills = Array.from({ length: KILLS - 1 }, () => () => site.killOne());
  const blows = [
    ...kills.slice(0, 5),
    ...(trouble ? [trouble] : []),
    () => site.killSupervisor(),
    ...kills.slice(5),
  ];
  const report = await crashRun(site, { jobs: JOBS, blows, settleTimeoutMs: 120_000, ...more });
  console.log(what, report);
  await until(() => site.isWell(), "the supervisors are well again", 30_000);
  return report;
}

test(
  "SQLite: ten workers and the store process are killed",
  async () => {
    await using site = await CrashSite.start();
    const report = await tenKills("SQLite, ten kills", site, () => site.killOne("store"));
    expect(report).toMatchObject({ acknowledged: JOBS, lost: 0, odd: 0 });
  },
  DEADLINE_MS,
);

test(
  "SQLite: the disk is full for a while",
  async () => {
    await using disk = await SmallDisk.mount(DISK_BYTES);
    await using site = await CrashSite.start({ dir: disk.path });
    const large = { n: 1, text: "x".repeat(8_000) };
    const report = await tenKills("SQLite, full disk", site, async () => {
      await disk.fill();
      const enqueue = () =>
        site.store.enqueue(Array.from({ length: 100 }, () => newJob("work", large, { queue: QUEUE })));
      const refusal = await until(
        () =>
          enqueue().then(
            () => "",
            (error: Error) => error.message,
          ),
        "an enqueue is refused",
      );
      expect(refusal).toContain("is full: free some space");
      await Bun.sleep(FULL_MS);
      await disk.makeRoom();
    });
    expect(report).toMatchObject({ acknowledged: JOBS, lost: 0, odd: 0 });
  },
  DEADLINE_MS,
);

/** On a Redis of its own, to which `trouble` happens. */
async function onRedis(
  what: string,
  trouble?: (redis: RedisServer, acknowledged: ReadonlyMap<string, number>) => Promise<unknown>,
  more: Partial<CrashPlan> = {},
): Promise<void> {
  await using redis = await RedisServer.start();
  await using site = await CrashSite.start({ url: redis.url });
  const blow: CrashPlan["blows"][number] | undefined =
    trouble && ((acknowledged) => trouble(redis, acknowledged));
  const report = await tenKills(what, site, blow, more);
  expect(report).toMatchObject({ acknowledged: JOBS, lost: 0, odd: 0 });
}

test("Redis: ten workers are killed", () => onRedis("Redis, ten kills"), DEADLINE_MS);

test(
  "Redis: ten workers are killed, and Redis itself three times",
  () =>
    onRedis("Redis, killed and started again", async (redis) => {
      for (let i = 0; i < 3; i++) {
        await redis.kill();
        await Bun.sleep(500);
        await redis.start();
        await Bun.sleep(500);
      }
    }),
  DEADLINE_MS,
);

test(
  "Redis: frozen for 20 s",
  () =>
    onRedis("Redis, frozen", async (redis) => {
      redis.freeze();
      await Bun.sleep(FREEZE_MS);
      redis.thaw();
    }),
  DEADLINE_MS,
);

test(
  "Redis: the power is lost, and with it what the disk did not have for a second",
  () => {
    const mayLose = new Set<string>();
    const loss = async (redis: RedisServer, acknowledged: ReadonlyMap<string, number>) => {
      const before = acknowledged.size;
      const bytes = await redis.writtenBytes();
      await Bun.sleep(POWER_LOSS_MS);
      await redis.losePower(bytes);
      for (const id of [...acknowledged.keys()].slice(before)) mayLose.add(id);
    };
    return onRedis("Redis, power lost", loss, { mayLose });
  },
  DEADLINE_MS,
);

for (const durable of [true, false]) {
  test(
    `Redis behind a Sentinel, the primary killed, ${durable ? "durable jobs: none is lost" : "others: what is lost is counted"}`,
    async () => {
      await using sentinel = await RedisSentinel.start(2);
      await using site = await CrashSite.start({ url: sentinel.url });
      const failOver = async () => {
        const primary = await sentinel.primary();
        await primary?.kill();
        await until(async () => (await sentinel.primary()) !== primary, "a replica takes over", 30_000);
      };
      const report = await tenKills(`Sentinel, durable: ${durable}`, site, failOver, { durable });
      expect(report.acknowledged).toBe(JOBS);
      if (durable) expect(report).toMatchObject({ lost: 0, odd: 0 });
    },
    DEADLINE_MS,
  );
}
