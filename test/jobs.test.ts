/** Jobs survive what kills the processes and stores around them. On the compiled binary, for both stores. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JobStore } from "../shared/store/jobs/job_store.ts";
import { newJob } from "../shared/store/jobs/new_job.ts";
import { RedisJobStore } from "../shared/store/jobs/redis.ts";
import { SqliteJobStore } from "../shared/store/jobs/sqlite.ts";
import { addBrokenRow } from "./harness/broken_row.ts";
import { runTrivet } from "./harness/command.ts";
import { Folder } from "./harness/folder.ts";
import { RedisServer } from "./harness/redis_server.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

/** Each run of a handler writes a line of JSON: what ran, in which process, at which attempt. */
const HANDLERS = `
import { appendFileSync } from "node:fs";
import { defineJobs } from "trivet";
const note = (job, payload, what) =>
  appendFileSync("ran.jsonl", JSON.stringify({ what, id: job.id, attempt: job.attempt, pid: process.pid, payload }) + "\\n");
export default defineJobs({
  quick: { run: (payload, job) => note(job, payload, "done") },
  kept: { lane: "low", keep: "1h", run(payload, job) { note(job, payload, "done"); return "kept"; } },
  hangs_first: {
    async run(payload, job) {
      const { existsSync, writeFileSync } = await import("node:fs");
      if (existsSync("second")) return note(job, payload, "done");
      writeFileSync("second", "");
      note(job, payload, "begun");
      await new Promise(() => setInterval(() => {}, 1000));
    },
  },
  blocks: {
    run(payload, job) {
      note(job, payload, "begun");
      const end = Date.now() + payload.ms;
      while (Date.now() < end);
      note(job, payload, "done");
    },
  },
  waits: {
    async run(payload, job) {
      note(job, payload, "begun");
      await Promise.race([Bun.sleep(payload.ms), new Promise((resolve) => job.signal.addEventListener("abort", resolve))]);
      note(job, payload, job.signal.aborted ? "aborted" : "done");
      if (job.signal.aborted) throw job.signal.reason;
    },
  },
  fails: { attempts: 3, backoff: () => 20, run(payload, job) { note(job, payload, "begun"); throw new Error("boom"); } },
  kills: { run: (payload, job) => { note(job, payload, "begun"); process.kill(process.pid, "SIGKILL"); } },
  crashes: { run: (payload, job) => { note(job, payload, "begun"); queueMicrotask(() => { throw new Error("late"); }); return Bun.sleep(60_000); } },
  slow: { attempts: 1, timeout: "100ms", async run(payload, job) { note(job, payload, "begun"); await Bun.sleep(60_000); } },
});
`;

interface Ran {
  what: "begun" | "done" | "aborted";
  id: string;
  attempt: number;
  pid: number;
  payload: unknown;
}

function ranIn(site: Trivet): Ran[] {
  try {
    const lines = readFileSync(join(site.folder.path, "ran.jsonl"), "utf8").split("\n");
    return lines.slice(0, -1).map((line) => JSON.parse(line) as Ran);
  } catch {
    return [];
  }
}

const worker = (settings: string, url: string) =>
  Trivet.start({
    mode: "worker",
    config: `[store]\nurl = "${url}"\n[worker]\n${settings}\n`,
    files: { "jobs.ts": HANDLERS },
  });

describe.each(["SQLite", "Redis"] as const)("jobs in %s", (kind) => {
  let redis: RedisServer;
  let queues = 0;

  beforeAll(async () => {
    if (kind === "Redis") redis = await RedisServer.start();
  });
  afterAll(async () => {
    if (kind === "Redis") await redis[Symbol.asyncDispose]();
  });

  const url = () => (kind === "Redis" ? redis.url : "sqlite:./trivet.db");
  const storeOf = (site: Trivet): JobStore =>
    kind === "Redis" ? new RedisJobStore(redis.url) : new SqliteJobStore(join(site.folder.path, "trivet.db"));
  /** Redis is shared by the tests; a queue is not. */
  const freshQueue = () => `q${++queues}`;
  const queueSetting = (queue: string) => `queues = [{ name = "${queue}" }]`;

  test("a worker killed in the middle of a job: it runs again at once", async () => {
    const queue = freshQueue();
    await using site = await worker(`lease = "10m"\n${queueSetting(queue)}`, url());
    const store = storeOf(site);
    await store.enqueue([newJob("hangs_first", { a: 1 }, { queue }), newJob("quick", 2, { queue })]);
    const begun = await until(() => ranIn(site).find(({ what }) => what === "begun"), "the job begins");
    process.kill(begun.pid, "SIGKILL");
    // Far sooner than its lease is over.
    const done = await until(
      () => ranIn(site).find(({ what, id }) => what === "done" && id === begun.id),
      "the job runs again",
    );
    expect(done).toMatchObject({ attempt: 1, payload: { a: 1 } });
    expect(done.pid).not.toBe(begun.pid);
    await until(async () => (await store.counts([queue]))[0]?.running === 0, "nothing is left running");
    await store.close();
  });

  test("a handler that blocks its process far longer than the lease keeps its job", async () => {
    const queue = freshQueue();
    await using site = await worker(`lease = "3s"\nprocesses = 2\n${queueSetting(queue)}`, url());
    const store = storeOf(site);
    await store.enqueue([newJob("blocks", { ms: 7000 }, { queue })]);
    await until(() => ranIn(site).some(({ what }) => what === "done"), "the job ends");
    await until(async () => (await store.counts([queue]))[0]?.running === 0, "it is acknowledged");
    expect(ranIn(site).map(({ what }) => what)).toEqual(["begun", "done"]);
    await store.close();
  });

  test("a supervisor killed with all its workers: another one gets the jobs after the lease", async () => {
    const queue = freshQueue();
    const settings = `lease = "1s"\n${queueSetting(queue)}`;
    await using first = await worker(settings, url());
    const store = storeOf(first);
    await store.enqueue([newJob("hangs_first", null, { queue })]);
    await until(() => ranIn(first).length > 0, "the job begins");
    first.signal("SIGKILL");
    await first.exited();
    const path = join(first.folder.path, "trivet.db");
    await using second = await worker(settings, kind === "Redis" ? url() : `sqlite:${path}`);
    // The marker file of its first run is in the other folder: it hangs here too, which is proof enough.
    await until(() => ranIn(second).length > 0, "the job runs elsewhere");
    await store.close();
  });

  test("unknown, undecodable and failing jobs end in dead, with their reason, and can be put back", async () => {
    const queue = freshQueue();
    await using site = await worker(`unknown_type_wait = "0"\n${queueSetting(queue)}`, url());
    const store = storeOf(site);
    const odd = newJob("quick", 1, { queue });
    await store.enqueue([
      newJob("nobody", 1, { queue }),
      { ...odd, payload: '{"half":' },
      newJob("fails", 1, { queue }),
      newJob("slow", 1, { queue }),
    ]);
    if (kind === "Redis") await redis.cli("XADD", `trivet:{${queue}}:s`, "*", "garbage", "in");
    else addBrokenRow(join(site.folder.path, "trivet.db"), queue);
    await until(async () => (await store.counts([queue]))[0]?.dead === 5, "five are dead");
    const dead = await store.dead(queue, 10);
    expect(dead.map(({ reason }) => reason).sort()).toEqual([
      "decode",
      "decode",
      "exhausted",
      "exhausted",
      "unknown_type",
    ]);
    expect(dead.find(({ type }) => type === "fails")).toMatchObject({ attempt: 3 });
    expect(dead.find(({ type }) => type === "fails")?.error).toMatch(/^Error: boom\n.*jobs\.ts:\d+/);
    expect(dead.find(({ type }) => type === "slow")?.error).toContain("timeout of 0.1 s");
    expect(ranIn(site).filter(({ what }) => what === "begun").length).toBe(4);

    const listed = await site.run(["jobs", "dead", "--json", "--queue", queue, "-c", "trivet.toml"]);
    expect((JSON.parse(listed.stdout) as unknown[]).length).toBe(5);
    const replay = (...filter: string[]) =>
      site.run(["jobs", "dead", "--replay", ...filter, "-c", "trivet.toml"]);
    expect(await replay("--reason", "bored")).toMatchObject({ code: 2 });
    expect(await replay("--type", "fails", "--reason", "schema")).toMatchObject({
      stdout: "0 jobs put back\n",
    });
    const failed = dead.find(({ type }) => type === "fails")?.id ?? "";
    expect(await replay("--id", `${failed},other`)).toMatchObject({ code: 0, stdout: "1 job put back\n" });
    expect(dead.find(({ type }) => type === "fails")?.history.map(({ attempt }) => attempt)).toEqual([
      1, 2, 3,
    ]);
    await until(async () => (await store.counts([queue]))[0]?.dead === 5, "it has died again");
    expect(await replay()).toMatchObject({ code: 0, stdout: "5 jobs put back\n" });
    await until(() => ranIn(site).filter(({ what }) => what === "begun").length === 11, "they ran again");
    await store.close();
  });

  test.each(["kills", "crashes"])("a job that %s its worker is dead at the third time", async (type) => {
    const queue = freshQueue();
    await using site = await worker(queueSetting(queue), url());
    const store = storeOf(site);
    const bad = newJob(type, 1, { queue });
    await store.enqueue([bad]);
    await until(async () => (await store.counts([queue]))[0]?.dead === 1, "it is dead");
    expect(await store.dead(queue, 10)).toMatchObject([{ id: bad.id, reason: "stalled" }]);
    // It may also have been given to a process that was dying of it already.
    const attempts = ranIn(site).map(({ attempt }) => attempt);
    expect(attempts.length).toBeWithin(1, 4);
    expect(new Set(attempts)).toEqual(new Set([1]));
    await store.enqueue([newJob("quick", 2, { queue })]);
    await until(() => ranIn(site).some(({ what }) => what === "done"), "the next job runs");
    await store.close();
  });

  test("the command line enqueues and counts", async () => {
    const queue = freshQueue();
    await using site = await worker(queueSetting(queue), url());
    const added = await site.run([
      "jobs",
      "enqueue",
      "quick",
      '{"n":1}',
      "--queue",
      queue,
      "-c",
      "trivet.toml",
    ]);
    expect(added.code).toBe(0);
    const ran = await until(() => ranIn(site)[0], "it runs");
    expect(ran).toMatchObject({ id: added.stdout.trim(), payload: { n: 1 } });
    const store = storeOf(site);
    await until(async () => (await store.counts([queue]))[0]?.running === 0, "it is acknowledged");
    const listed = await site.run(["jobs", "ls", "--json", "-c", "trivet.toml"]);
    // Behind it come other queues with jobs in them: Redis is shared by these tests.
    expect((JSON.parse(listed.stdout) as unknown[])[0]).toEqual({
      ...{ queue, waiting: 0, delayed: 0, running: 0, dead: 0, alone: 0, oldestMs: 0, paused: false },
    });
    expect(await site.run(["jobs", "enqueue", "quick", "{", "-c", "trivet.toml"])).toMatchObject({ code: 2 });
    for (const row of [
      'trivet_jobs_done_total{type="quick"} 1',
      `trivet_jobs_depth{queue="${queue}",state="waiting"} 0`,
    ])
      await until(async () => (await (await site.admin("/metrics")).text()).includes(row), row);
    await store.close();
  });

  test("a paused queue begins nothing in any worker until it goes on", async () => {
    const queue = freshQueue();
    await using site = await worker(`processes = 2\n${queueSetting(queue)}`, url());
    const store = storeOf(site);
    expect(await site.run(["jobs", "pause", queue, "-c", "trivet.toml"])).toMatchObject({ code: 0 });
    await store.enqueue([newJob("quick", 1, { queue }), newJob("quick", 2, { queue })]);
    const listed = await site.run(["jobs", "ls", "-c", "trivet.toml"]);
    expect(listed.stdout).toMatch(new RegExp(`${queue} .* 2 .*paused`));
    await Bun.sleep(300);
    expect(ranIn(site)).toEqual([]);
    expect(await site.run(["jobs", "resume", queue, "-c", "trivet.toml"])).toMatchObject({ code: 0 });
    await until(() => ranIn(site).length === 2, "both run");
    expect(await site.run(["jobs", "pause", "-c", "trivet.toml"])).toMatchObject({ code: 2 });
    await store.close();
  });

  test("concurrency of a queue holds over all workers, and a killed one gives its places back", async () => {
    const queue = freshQueue();
    const queueTable = `queues = [{ name = "${queue}", concurrency = 2 }]`;
    await using site = await worker(`processes = 2\nlease = "10m"\n${queueTable}`, url());
    const store = storeOf(site);
    await store.enqueue(Array.from({ length: 5 }, () => newJob("waits", { ms: 400 }, { queue })));
    const begun = () => ranIn(site).filter(({ what }) => what === "begun");
    await until(() => begun().length === 2, "two begin");
    const killed = begun()[0]?.pid ?? 0;
    process.kill(killed, "SIGKILL");
    await until(async () => (await store.counts([queue]))[0]?.waiting === 0, "all have begun");
    await until(async () => (await store.counts([queue]))[0]?.running === 0, "all have ended");
    expect(new Set(ranIn(site).flatMap(({ what, id }) => (what === "done" ? [id] : []))).size).toBe(5);
    const running = new Set<string>();
    let most = 0;
    for (const { what, id, pid } of ranIn(site)) {
      if (pid === killed) continue;
      if (what === "begun") running.add(id);
      else running.delete(id);
      most = Math.max(most, running.size);
    }
    expect(most).toBeLessThanOrEqual(2);
    await store.close();
  });

  test("jobs by the clock are enqueued once, however many supervisors tick", async () => {
    const queue = freshQueue();
    const cron = `\n[[worker.cron]]\nname = "${queue}"\nschedule = "* * * * * *"\ntype = "kept"\npayload = { n = 1 }\nqueue = "${queue}"`;
    await using first = await worker(queueSetting(queue) + cron, url());
    const path = join(first.folder.path, "trivet.db");
    const shared = kind === "Redis" ? url() : `sqlite:${path}`;
    await using second = await worker(queueSetting(queue) + cron, shared);
    await until(() => ranIn(first).length + ranIn(second).length >= 3, "it ran three times");
    const ids = [...ranIn(first), ...ranIn(second)].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids[0]).toMatch(/^cron:q\d+:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect([...ranIn(first), ...ranIn(second)][0]?.payload).toEqual({ n: 1 });
    // What the handler says for all its jobs holds for these too.
    const store = storeOf(first);
    expect(await store.records.wait(ids[0] ?? "", 30_000, new AbortController().signal)).toMatchObject({
      ...{ queue, lane: "low", state: "done", result: '"kept"' },
    });
    await store.close();
  });

  test("TERM lets short jobs finish and hands long ones back, their attempt not counted", async () => {
    const queue = freshQueue();
    await using site = await worker(`shutdown_timeout = "3s"\n${queueSetting(queue)}`, url());
    const store = storeOf(site);
    const [short, long] = [
      newJob("waits", { ms: 500 }, { queue }),
      newJob("waits", { ms: 60_000 }, { queue }),
    ];
    await store.enqueue([short, long]);
    await until(() => ranIn(site).length === 2, "both begin");
    expect(await site.stop()).toBe(0);
    const ends = ranIn(site).filter(({ what }) => what !== "begun");
    expect(ends.map(({ what, id }) => [what, id])).toEqual([
      ["done", short.id],
      ["aborted", long.id],
    ]);
    const { jobs } = await store.claim(queue, "test", 10, 0, new AbortController().signal);
    expect(jobs.map(({ id, attempt }) => [id, attempt])).toEqual([[long.id, 1]]);
    await store.close();
  });

  test("a worker that dies while it is stopped: its jobs do not wait for the lease either", async () => {
    const queue = freshQueue();
    await using site = await worker(`lease = "10m"\n${queueSetting(queue)}`, url());
    const store = storeOf(site);
    await store.enqueue([newJob("blocks", { ms: 60_000 }, { queue })]);
    const { pid } = await until(() => ranIn(site).find(({ what }) => what === "begun"), "the job begins");
    site.signal("SIGTERM");
    await until(() => site.stderr.includes("SIGTERM: finishing"), "it is told");
    process.kill(pid, "SIGKILL");
    expect(await site.exited()).toBe(0);
    expect((await store.counts([queue]))[0]).toMatchObject({ waiting: 1, running: 0 });
    await store.close();
  });

  test("TERM twice, or past its deadline: what ran goes back at once, and nothing is held against it", async () => {
    const queue = freshQueue();
    const settings = `lease = "10m"\nshutdown_timeout = "1s"\n${queueSetting(queue)}`;
    await using site = await worker(settings, url());
    const path = join(site.folder.path, "trivet.db");
    const store = storeOf(site);
    const jobs = ["blocks", "waits", "waits"].map((type) => newJob(type, { ms: 3600_000 }, { queue }));
    await store.enqueue(jobs.slice(1));
    await until(() => ranIn(site).length === 2, "two wait");
    site.signal("SIGTERM");
    await until(() => site.stderr.includes("SIGTERM: finishing"), "it is told");
    site.signal("SIGTERM");
    await site.exited();
    expect((await store.counts([queue]))[0]).toMatchObject({ waiting: 2, running: 0, alone: 0 });
    await using next = await worker(settings, kind === "Redis" ? url() : `sqlite:${path}`);
    await store.enqueue(jobs.slice(0, 1));
    await until(() => ranIn(next).some(({ id }) => id === jobs[0]?.id), "one blocks");
    next.signal("SIGTERM");
    await next.exited();
    expect((await store.counts([queue]))[0]).toMatchObject({ waiting: 3, running: 0, alone: 0 });
    await store.close();
  });

  test("the store killed and back: no acknowledged job is lost, and the worker goes on", async () => {
    const queue = freshQueue();
    await using site = await worker(queueSetting(queue), url());
    const store = storeOf(site);
    const acknowledged = new Set<string>();
    let enqueuing = true;
    const enqueuer = (async () => {
      while (enqueuing) {
        const jobs = Array.from({ length: 5 }, () => newJob("quick", 1, { queue }));
        await store.enqueue(jobs).then(
          () => {
            for (const { id } of jobs) acknowledged.add(id);
          },
          () => Bun.sleep(20),
        );
      }
    })();
    for (let round = 0; round < 3; round++) {
      const target = acknowledged.size + 100;
      await until(() => acknowledged.size > target, "jobs are taken");
      await killStore(site);
    }
    const target = acknowledged.size + 100;
    await until(() => acknowledged.size > target, "jobs are taken again", 60_000);
    enqueuing = false;
    await enqueuer;
    await until(
      () => {
        const done = new Set(ranIn(site).map(({ id }) => id));
        return [...acknowledged].every((id) => done.has(id));
      },
      "every acknowledged job has run",
      60_000,
    );
    await until(async () => (await site.admin("/health")).ok, "the worker is well");
    await until(async () => (await store.counts([queue]))[0]?.running === 0, "nothing is left running");
    await store.close();
  }, 300_000);

  async function killStore(site: Trivet): Promise<void> {
    if (kind === "Redis") {
      await redis.kill();
      await until(async () => !(await site.admin("/health")).ok, "health says that Redis is away");
      await redis.start();
      return;
    }
    const status = (await (await site.admin("/status")).json()) as {
      children: { kind: string; pid: number }[];
    };
    const child = status.children.find((one) => one.kind === "store");
    if (child) process.kill(child.pid, "SIGKILL");
  }
});

describe("a store that can't be used", () => {
  test.each([
    ["redis://127.0.0.1:1", "can't use Redis at 127.0.0.1:1: the connection is refused"],
    ["sqlite:./nowhere/trivet.db", "there is no folder"],
    ["sqlite:./jobs.ts", "is not a SQLite database"],
  ])("%s: one sentence, exit code 1", async (url, sentence) => {
    const started = worker("", url);
    const failure = await started.then(
      () => "it started",
      (error: Error) => error.message,
    );
    expect(failure).toContain("ended with code 1");
    expect(failure).toContain(sentence);
  });

  test("a Redis without that database: jobs do not go to another one", async () => {
    await using redis = await RedisServer.start();
    await using folder = await Folder.make({ "trivet.toml": `[store]\nurl = "${redis.url}/99"\n` });
    expect(await runTrivet(["jobs", "enqueue", "any"], { cwd: folder.path })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("it has no database of that number"),
    });
    expect(await redis.cli("DBSIZE")).toBe("0");
  });
});
