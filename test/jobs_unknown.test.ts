/** Workers that do not know a job's type: another site's on the same Redis, an old one while a newer is rolled out. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DeadJob } from "../shared/store/jobs/job.ts";
import { RedisServer } from "./harness/redis_server.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

/** Its handlers note the types and attempts of what they ran. */
const handlers = (...types: string[]) => `
import { appendFileSync } from "node:fs";
import { defineJobs } from "trivet";
const run = (payload, job) => appendFileSync("ran.txt", job.type + " " + job.attempt + "\\n");
export default defineJobs({ ${types.map((type) => `${type}: { run }`).join(", ")} });
`;

const worker = (store: string, settings: string, ...types: string[]) =>
  Trivet.start({
    mode: "worker",
    config: `[store]\n${store}\n[worker]\nblock = "1s"\n${settings}\n`,
    files: { "jobs.ts": handlers(...types) },
  });

function ranIn(site: Trivet): string[] {
  try {
    return readFileSync(join(site.folder.path, "ran.txt"), "utf8").split("\n").slice(0, -1);
  } catch {
    return [];
  }
}

async function trivetJobs(site: Trivet, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await site.run(["jobs", ...words, "-c", "trivet.toml"]);
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
}

async function enqueue(site: Trivet, type: string, times: number): Promise<void> {
  await Promise.all(Array.from({ length: times }, () => trivetJobs(site, "enqueue", type, "{}")));
}

const deadOf = async (site: Trivet) => JSON.parse(await trivetJobs(site, "dead", "--json")) as DeadJob[];

interface WorkerStatus {
  modes: { worker: { unknownTypes: { queue: string; type: string }[]; queues: { delayed: number }[] } };
}

async function statusOf(site: Trivet): Promise<WorkerStatus["modes"]["worker"]> {
  const status = (await (await site.admin("/status")).json()) as WorkerStatus;
  return status.modes.worker;
}

describe.each(["SQLite", "Redis"] as const)("with %s", (kind) => {
  let redis: RedisServer;
  beforeAll(async () => {
    if (kind === "Redis") redis = await RedisServer.start();
  });
  afterAll(async () => {
    if (kind === "Redis") await redis[Symbol.asyncDispose]();
  });

  test("an old worker beside a new one buries nothing, says what it does not know, and goes on with the rest", async () => {
    await using old = await worker(kind === "Redis" ? `url = "${redis.url}"` : "", "", "known");
    await enqueue(old, "added", 5);
    const met = await until(async () => {
      const { unknownTypes, queues } = await statusOf(old);
      return unknownTypes.length > 0 && queues[0]?.delayed === 5 && unknownTypes;
    }, "the old worker has met them");
    expect(met).toMatchObject([{ queue: "default", type: "added" }]);
    expect((await old.run(["status"])).stdout).toContain('a worker that has one: "added"');
    await enqueue(old, "known", 3);
    await until(() => ranIn(old).length === 3, "what it knows runs");
    // Of what the store has no part in, once is enough.
    if (kind === "SQLite") {
      await until(async () => (await old.admin("/health")).status === 503, "health says it");
      expect(await (await old.admin("/health")).text()).toContain(
        'jobs wait whose type has no handler here: "added" (queue default)',
      );
    }
    expect(await deadOf(old)).toEqual([]);
    const file = `sqlite:${join(old.folder.path, "trivet.db")}`;
    await using fresh = await worker(`url = "${kind === "Redis" ? redis.url : file}"`, "", "known", "added");
    expect(await old.stop()).toBe(0);
    await until(() => ranIn(fresh).length === 5, "the new worker runs them");
    expect(ranIn(fresh)).toEqual(Array.from({ length: 5 }, () => "added 1"));
    expect(await deadOf(old)).toEqual([]);
  }, 240_000);

  test("a type that nobody knows is dead after its time", async () => {
    const store = kind === "Redis" ? `url = "${redis.url}"\nprefix = "nobody"` : "";
    await using site = await worker(store, 'unknown_type_wait = "3s"', "known");
    const enqueuedAtMs = Date.now();
    await enqueue(site, "mistyped", 1);
    const [dead] = await until(async () => {
      const found = await deadOf(site);
      return found.length > 0 ? found : undefined;
    }, "it is dead");
    expect(dead).toMatchObject({
      ...{ type: "mistyped", reason: "unknown_type", error: 'no handler is named "mistyped"' },
    });
    expect((dead?.diedAtMs ?? 0) - enqueuedAtMs).toBeGreaterThanOrEqual(3_000);
  }, 240_000);
});

test("two sites on one Redis, each with its prefix, see nothing of each other", async () => {
  await using redis = await RedisServer.start();
  await using shop = await worker(`url = "${redis.url}"\nprefix = "shop"`, "", "order");
  await using blog = await worker(`url = "${redis.url}"`, "", "post");
  await enqueue(shop, "order", 5);
  await enqueue(blog, "post", 5);
  await until(() => ranIn(shop).length === 5 && ranIn(blog).length === 5, "each runs its own");
  for (const site of [shop, blog]) {
    expect((await statusOf(site)).unknownTypes).toEqual([]);
    expect(await deadOf(site)).toEqual([]);
  }
  // Where a store that says nothing of it has always had its jobs.
  const keys = (await redis.cli("KEYS", "*")).split("\n");
  expect(keys.filter((key) => !/^(shop|trivet):(\{default\}:|queues$|crons$)/.test(key))).toEqual([]);
  expect(keys).toContain("trivet:{default}:s");
  expect(keys).toContain("shop:{default}:s");
  await shop.folder.write("wrong.toml", `[store]\nurl = "${redis.url}"\nprefix = "a{b}"\n`);
  expect((await shop.run(["check", "-c", "wrong.toml"])).stderr).toContain(
    "store.prefix must be 1 to 64 letters",
  );
}, 240_000);
