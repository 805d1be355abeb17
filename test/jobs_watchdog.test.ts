/** What a worker does when its store goes silent without a word, and what it says of a store that would lose jobs. */
import { expect, test } from "bun:test";
import { newJob } from "../shared/store/jobs/new_job.ts";
import { RedisJobStore } from "../shared/store/jobs/redis.ts";
import { RedisServer } from "./harness/redis_server.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";
import { SilentRelay } from "./jobs/silent_relay.ts";

const HANDLERS = `
import { defineJobs } from "trivet";
export default defineJobs({ work: { run: (payload, job) => job.log.info("ran " + payload) } });
`;

const logsOf = (site: Trivet) => site.stdout + site.stderr;

const worker = (port: number, settings = "") =>
  Trivet.start({
    mode: "worker",
    config: `[store]\nurl = "redis://127.0.0.1:${port}"\n[worker]\n${settings}\n`,
    files: { "jobs.ts": HANDLERS },
  });

test("connections to Redis go silent: they are replaced, and jobs go on", async () => {
  await using redis = await RedisServer.start();
  using relay = new SilentRelay(redis.port);
  await using site = await worker(relay.port, 'block = "10m"');
  const store = new RedisJobStore(redis.url);
  await store.enqueue([newJob("work", "before")]);
  await until(() => logsOf(site).includes("ran before"), "the worker works");
  relay.silence();
  await store.enqueue([newJob("work", "behind")]);
  await until(() => logsOf(site).includes("ran behind"), "a new connection brings the job", 60_000);
  await until(async () => (await site.admin("/health")).ok, "the worker is well");
  expect((await store.counts(["default"]))[0]).toMatchObject({ waiting: 0 });
  await store.close();
}, 120_000);

test("jobs wait and nothing can be fetched: health says so after 15 s, and is well again after", async () => {
  await using redis = await RedisServer.start();
  // It reads and counts as ever; only what brings jobs to workers is refused.
  await redis.cli("ACL", "SETUSER", "blind", "on", ">pw", "~*", "&*", "+@all");
  await using site = await Trivet.start({
    mode: "worker",
    config: `[store]\nurl = "redis://blind:pw@127.0.0.1:${redis.port}"\n`,
    files: { "jobs.ts": HANDLERS },
  });
  const store = new RedisJobStore(redis.url);
  await redis.cli("ACL", "SETUSER", "blind", "-xreadgroup");
  // A read that waits already was let in before, and takes this one.
  await store.enqueue([newJob("work", "last")]);
  await store.enqueue([newJob("work", "late")]);
  const said = await until(
    async () => {
      const health = await site.admin("/health");
      return health.ok ? "" : health.text();
    },
    "health complains",
    60_000,
  );
  expect(said).toMatch(/^jobs wait in queue default and no worker here has fetched one for [1-5]\d s/);
  await redis.cli("ACL", "SETUSER", "blind", "+xreadgroup");
  await until(() => logsOf(site).includes("ran late"), "the job runs");
  await until(async () => (await site.admin("/health")).ok, "the worker is well");
  await store.close();
}, 120_000);

test("a Redis that would lose jobs is told of at the start", async () => {
  await using redis = await RedisServer.start();
  await redis.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  await redis.cli("CONFIG", "SET", "appendonly", "no");
  await using site = await worker(redis.port);
  for (const words of [
    "maxmemory-policy is allkeys-lru; when its memory is full, Redis deletes jobs without a word",
    "neither appendonly nor save is set; a restart loses all jobs",
  ])
    await until(() => logsOf(site).includes(words), words);
});
