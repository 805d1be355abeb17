/** A job that kills its process takes no other with it: those that were beside it run alone. For both stores. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { JobStore } from "../shared/store/jobs/job_store.ts";
import { newJob } from "../shared/store/jobs/new_job.ts";
import { RedisJobStore } from "../shared/store/jobs/redis.ts";
import { SqliteJobStore } from "../shared/store/jobs/sqlite.ts";
import { RedisServer } from "./harness/redis_server.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

/** Each step of a handler writes a line: which, of which type, in which process. */
const HANDLERS = `
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { defineJobs } from "trivet";
const note = (what, job) => appendFileSync("ran", [what, job.type, job.id, process.pid].join(" ") + "\\n");
const begun = (count) => readFileSync("ran", "utf8").split("\\n").filter((line) => line.startsWith("begun")).length >= count;
const until = async (ready) => { while (!ready()) await Bun.sleep(10); };
const poison = (die) => ({ async run({ after }, job) { note("begun", job); await until(() => begun(after)); die(); } });
export default defineJobs({
  exits: poison(() => process.exit(7)),
  killed: poison(() => process.kill(process.pid, "SIGKILL")),
  innocent: { async run({ after }, job) { note("begun", job); await until(() => begun(after)); await Bun.sleep(30); note("done", job); } },
  quick: { run: (_, job) => note("done", job) },
  holds: { async run(_, job) { note("begun", job); await until(() => existsSync("go")); note("done", job); } },
});
`;

interface Ran {
  what: "begun" | "done";
  type: string;
  id: string;
  pid: string;
}

function ranIn(site: Trivet): Ran[] {
  const path = join(site.folder.path, "ran");
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => {
    const [what, type = "", id = "", pid = ""] = line.split(" ");
    return { what: what as Ran["what"], type, id, pid };
  });
}

describe.each(["SQLite", "Redis"] as const)("jobs in %s", (kind) => {
  let redis: RedisServer;
  beforeAll(async () => {
    if (kind === "Redis") redis = await RedisServer.start();
  });
  afterAll(async () => {
    if (kind === "Redis") await redis[Symbol.asyncDispose]();
  });

  const worker = (queue: string, settings = "", ...others: string[]) =>
    Trivet.start({
      mode: "worker",
      config: `[store]\nurl = "${kind === "Redis" ? redis.url : "sqlite:./trivet.db"}"\n[worker]\n${settings}\nqueues = [${[queue, ...others].map((name) => `{ name = "${name}" }`).join(", ")}]\n`,
      files: { "jobs.ts": HANDLERS },
    });
  const storeOf = (site: Trivet): JobStore =>
    kind === "Redis" ? new RedisJobStore(redis.url) : new SqliteJobStore(join(site.folder.path, "trivet.db"));

  test("eight jobs beside two that kill their process end done, and only those two are dead", async () => {
    const queues = ["poisoned", "beside"] as const;
    const [queue, other] = queues;
    await using site = await worker(queue, 'lease = "10m"', other);
    const store = storeOf(site);
    const job = (type: string, i = 0) => newJob(type, { after: 10 }, { queue: i % 2 === 0 ? queue : other });
    const innocents = Array.from({ length: 8 }, (_, i) => job("innocent", i));
    const [exits, killed] = [job("exits"), job("killed")];
    await store.enqueue([...innocents.slice(0, 4), exits, killed, ...innocents.slice(4)]);
    await until(() => ranIn(site).length >= 10, "all run side by side");
    await until(async () => (await store.counts([queue]))[0]?.dead === 2, "two are dead", 60_000);
    await until(async () => {
      const counts = await store.counts(queues);
      return counts.every(({ waiting, running }) => waiting + running === 0);
    }, "the others have ended");
    expect((await store.counts([other]))[0]).toMatchObject({ dead: 0 });
    const ran = ranIn(site);
    const done = ran.filter(({ what }) => what === "done").map(({ id }) => id);
    expect(done.toSorted()).toEqual(innocents.map(({ id }) => id).toSorted());
    const dead = new Map((await store.dead(queue, 10)).map((one) => [one.id, one]));
    expect(dead.get(exits.id)).toMatchObject({
      reason: "stalled",
      error: expect.stringMatching(/3 times.* ended with code 7$/),
    });
    expect(dead.get(killed.id)).toMatchObject({
      reason: "stalled",
      error: expect.stringMatching(/killed by signal SIGKILL/),
    });
    // Behind the first death nothing ran beside anything else.
    const alone = ran.slice(10);
    for (const [i, { what, id, pid }] of alone.entries()) {
      if (what === "done") expect(alone[i - 1]).toMatchObject({ what: "begun", id, pid });
    }
    // They began together once, and each deadly one three times more.
    expect(ran.filter(({ id }) => id === exits.id).length).toBe(4);
    await until(async () => (await site.admin("/health")).ok, "the worker is well");
    await store.close();
  }, 120_000);

  test("while one runs alone, other processes go on, and it is told of", async () => {
    const queue = "busy";
    await using site = await worker(queue);
    const store = storeOf(site);
    const [first, second] = [newJob("holds", 1, { queue }), newJob("holds", 2, { queue })];
    await store.enqueue([first, second]);
    const [{ pid } = { pid: "" }] = await until(
      () => (ranIn(site).length === 2 ? ranIn(site) : undefined),
      "both run",
    );
    process.kill(Number(pid), "SIGKILL");
    await until(() => ranIn(site).length === 3, "one of them runs again");
    const jobs = Array.from({ length: 20 }, () => newJob("quick", 1, { queue }));
    await store.enqueue(jobs);
    await until(
      () => ranIn(site).filter(({ type }) => type === "quick").length === 20,
      "others run meanwhile",
    );
    const alone = ranIn(site).find(({ type, pid: other }) => type === "holds" && other !== pid)?.pid;
    expect(ranIn(site).filter((one) => one.type === "quick" && one.pid === alone)).toEqual([]);
    await until(async () => (await store.counts([queue]))[0]?.running === 1, "they are acknowledged");
    expect((await store.counts([queue]))[0]).toMatchObject({ waiting: 1, alone: 1 });
    const listed = await site.run(["jobs", "ls", "-c", "trivet.toml"]);
    expect(listed.stdout).toContain("1 run alone");
    const { children } = (await (await site.admin("/status")).json()) as {
      children: { kind: string; pid: number; detail: unknown }[];
    };
    expect(children.find((child) => String(child.pid) === alone)?.detail).toMatchObject({
      alone: true,
      running: 1,
    });
    expect(site.stderr).toContain("run again, each alone");
    await site.folder.write("go", "");
    await until(async () => {
      const [counts] = await store.counts([queue]);
      return counts?.waiting === 0 && counts.running === 0;
    }, "all is done");
    expect(ranIn(site).filter(({ what, type }) => what === "done" && type === "holds").length).toBe(2);
    await store.close();
  }, 120_000);

  test("a supervisor killed with its processes: its jobs run again at once, beside others", async () => {
    const queue = "orphaned";
    const settings = 'lease = "1s"';
    await using first = await worker(queue, settings);
    const store = storeOf(first);
    await store.enqueue([newJob("holds", 1, { queue }), newJob("holds", 2, { queue })]);
    await until(() => ranIn(first).length === 2, "both run");
    first.signal("SIGKILL");
    await first.exited();
    await until(async () => {
      await store.leases.reclaim([queue], 1_000);
      return (await store.counts([queue]))[0]?.running === 0;
    }, "their leases are over");
    expect((await store.counts([queue]))[0]).toMatchObject({ waiting: 2, alone: 0 });
    await store.close();
  }, 120_000);
});
