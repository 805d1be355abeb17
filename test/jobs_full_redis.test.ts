/** A Redis whose memory is full: workers go on with what it has. */
import { expect, test } from "bun:test";
import { newJob } from "../shared/store/jobs/new_job.ts";
import { RedisJobStore } from "../shared/store/jobs/redis.ts";
import { RedisServer } from "./harness/redis_server.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

const HANDLERS = `
import { defineJobs } from "trivet";
export default defineJobs({ counts: { backoff: () => 50, run: (payload, job) => {
  if (payload.fails && job.attempt === 1) throw new Error("boom");
  return { n: payload.n };
} } });
`;

test("jobs with results, limits and retries are done in a full Redis; new ones are refused, and health says why", async () => {
  await using redis = await RedisServer.start();
  const store = new RedisJobStore(redis.url);
  const limit = { key: "k", concurrency: 2 };
  const jobs = Array.from({ length: 20 }, (_, n) =>
    newJob("counts", { n, fails: n % 4 === 0 }, { keep: "1h", limit, ...(n % 5 === 0 && { delay: 100 }) }),
  );
  await store.enqueue(jobs);
  await redis.cli("CONFIG", "SET", "maxmemory", "1");
  await using site = await Trivet.start({
    mode: "worker",
    config: `[store]\nurl = "${redis.url}"\n`,
    files: { "jobs.ts": HANDLERS },
    ready: "started",
  });
  const done = async () =>
    (await Promise.all(jobs.map(({ id }) => store.records.get(id)))).map((job) => job?.result);
  const results = jobs.map((_, n) => `{"n":${n}}`);
  await until(async () => (await done()).every((result, n) => result === results[n]), "all are done");
  const [counts] = await store.counts(["default"]);
  expect(counts).toMatchObject({ waiting: 0, delayed: 0, running: 0, dead: 0 });
  await expect(store.enqueue([newJob("counts", { n: 1 })])).rejects.toThrow("its memory is full (maxmemory)");
  const health = async () => (await site.admin("/health")).text();
  await until(async () => (await health()).includes("its memory is full (maxmemory)"), "health says it");
  await redis.cli("CONFIG", "SET", "maxmemory", "0");
  await until(async () => (await health()) === "OK\n", "health says that it is over", 60_000);
  await store.close();
}, 120_000);
