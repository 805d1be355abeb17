/** Handlers that go on though their job has ended: killed, or timed out. On the compiled binary. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { JobStore } from "../shared/store/jobs/job_store.ts";
import { newJob } from "../shared/store/jobs/new_job.ts";
import { RedisJobStore } from "../shared/store/jobs/redis.ts";
import { SqliteJobStore } from "../shared/store/jobs/sqlite.ts";
import { RedisServer } from "./harness/redis_server.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

const HANDLERS = `
import { appendFileSync, existsSync } from "node:fs";
import { defineJobs } from "trivet";
const note = (what, job) => appendFileSync("ran", [what, job.type, process.pid].join(" ") + "\\n");
const never = new Promise(() => {});
export default defineJobs({
  deaf: { async run(_, job) { note("begun", job); await never; } },
  late: { timeout: "100ms", attempts: 1, async run(_, job) { note("begun", job); await never; } },
  hears: { async run(_, job) { note("begun", job); await new Promise((resolve) => job.signal.addEventListener("abort", resolve)); note(job.signal.reason.name, job); } },
  holds: { async run(_, job) { note("begun", job); while (!existsSync("go")) await Bun.sleep(20); note("done", job); } },
  quick: { run: (_, job) => note("done", job) },
});
`;

const ranIn = (site: Trivet): string[] => {
  const path = join(site.folder.path, "ran");
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
};

const worker = (url: string, settings: string) =>
  Trivet.start({
    mode: "worker",
    config: `[store]\nurl = "${url}"\n[worker]\n${settings}\n`,
    files: { "jobs.ts": HANDLERS },
  });

const jobsOf = (site: Trivet, ...words: string[]) => site.run(["jobs", ...words, "-c", "trivet.toml"]);

describe.each(["SQLite", "Redis"] as const)("in %s", (kind) => {
  test("a killed job frees its slot, and its handler is told", async () => {
    await using redis = kind === "Redis" ? await RedisServer.start() : undefined;
    await using site = await worker(redis?.url ?? "sqlite:./trivet.db", "concurrency = 2\nbatch = 1");
    const store: JobStore = redis
      ? new RedisJobStore(redis.url)
      : new SqliteJobStore(join(site.folder.path, "trivet.db"));
    const [deaf, hears] = [newJob("deaf", 1), newJob("hears", 1)];
    await store.enqueue([deaf, hears]);
    await until(() => ranIn(site).length === 2, "both slots are taken");
    await store.enqueue([newJob("holds", 1), newJob("quick", 1)]);
    expect(await jobsOf(site, "kill", deaf.id)).toMatchObject({ code: 0 });
    await until(() => ranIn(site).some((line) => line.startsWith("begun holds")), "the one slot is free");
    expect(await jobsOf(site, "kill", hears.id)).toMatchObject({ code: 0 });
    await until(
      () => ranIn(site).some((line) => line.startsWith("LeaseLost hears")),
      "its signal is aborted",
    );
    await until(() => ranIn(site).some((line) => line.startsWith("done quick")), "the other is free, too");
    expect(await store.dead("default", 10)).toMatchObject([{ reason: "killed" }, { reason: "killed" }]);
    await store.close();
  }, 60_000);
});

test("a process with handlers that go on is told of and replaced, and its other jobs finish", async () => {
  await using site = await worker("sqlite:./trivet.db", 'concurrency = 3\nshutdown_timeout = "1s"');
  const store = new SqliteJobStore(join(site.folder.path, "trivet.db"));
  const deaf = newJob("deaf", 1);
  await store.enqueue([deaf, newJob("late", 1), newJob("holds", 1)]);
  await until(() => ranIn(site).length === 3, "all run");
  const pid = ranIn(site)[0]?.split(" ").at(-1);
  await jobsOf(site, "kill", deaf.id);
  await until(
    async () => (await store.counts(["default"]))[0]?.dead === 2,
    "one is killed, the other too late",
  );
  interface Child {
    kind: string;
    pid: number;
    state: string;
    detail: { stuck?: number };
  }
  const workers = async (): Promise<Child[]> => {
    const { children } = (await (await site.admin("/status")).json()) as { children: Child[] };
    return children.filter(({ kind }) => kind === "worker");
  };
  const old = async () => (await workers()).find((child) => String(child.pid) === pid);
  await until(async () => (await old())?.detail.stuck === 2, "status says so", 60_000);
  await until(async () => (await site.admin("/health")).status === 503, "health says so");
  expect(await (await site.admin("/health")).text()).toContain("go on though their jobs have ended");
  for (const type of ["deaf", "late"])
    expect(site.stderr).toMatch(new RegExp(`"type":"${type}".*a handler goes on though its job has ended`));
  await until(async () => (await old())?.state === "draining", "another has taken its place");
  await store.enqueue([newJob("quick", 1)]);
  const quick = await until(
    () => ranIn(site).find((line) => line.startsWith("done quick")),
    "the next job runs",
  );
  expect(quick.split(" ").at(-1)).not.toBe(pid);
  // By then a shutdown, and a replacement for any other reason, would have killed it.
  await Bun.sleep(7_000);
  expect(await old()).toMatchObject({ state: "draining" });
  await site.folder.write("go", "");
  await until(async () => (await old()) === undefined, "it leaves when its last job is done");
  expect(ranIn(site)).toContain(`done holds ${pid}`);
  await until(async () => (await site.admin("/health")).ok, "the worker is well");
  expect((await store.counts(["default"]))[0]).toMatchObject({ waiting: 0, running: 0, alone: 0 });
  await store.close();
}, 120_000);
