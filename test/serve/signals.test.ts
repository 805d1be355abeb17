import { describe, expect, test } from "bun:test";
import { Load } from "../harness/load.ts";
import { RawConnection } from "../harness/raw_connection.ts";
import { Trivet } from "../harness/trivet.ts";
import { until } from "../harness/until.ts";

const APP = (word: string) => `export default { async fetch(request) {
  const { pathname } = new URL(request.url);
  if (pathname === "/slow") await Bun.sleep(600);
  if (pathname === "/endless") await new Promise(() => undefined);
  return new Response("${word} " + process.pid); } };`;
const CONFIG = (workers: number) => `[serve]\nlisten = "127.0.0.1:0"\nworkers = ${workers}\n`;
const SLOW = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";

interface Status {
  pid: number;
  children: { kind: string; slot: number; pid: number; state: string; restarts: number }[];
  modes: { serve: { listen: string[]; ready: number } };
}

async function statusOf(site: Trivet): Promise<Status> {
  return (await (await site.admin("/status")).json()) as Status;
}

async function portOf(site: Trivet): Promise<number> {
  return Number((await statusOf(site)).modes.serve.listen[0]?.split(":")[1]);
}

function serve(workers = 1, keys = ""): Promise<Trivet> {
  return Trivet.start({ mode: "serve", config: CONFIG(workers) + keys, files: { "app.ts": APP("first") } });
}

/** On a connection of its own, so that any process may get it. */
async function say(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text();
}

/** A request that the app has begun to answer. */
async function underWay(site: Trivet, path: string): Promise<RawConnection> {
  const connection = await RawConnection.open(await portOf(site));
  connection.send(SLOW.replace("/slow", path));
  await until(async () => {
    const metrics = await (await site.admin("/metrics")).text();
    return /^trivet_serve_requests_in_flight [1-9]/m.test(metrics);
  }, "it is under way");
  return connection;
}

describe("signals to the supervisor", () => {
  test.each(["SIGTERM", "SIGINT", "SIGQUIT"] as const)("%s finishes what runs, and ends", async (signal) => {
    await using site = await serve();
    using request = await underWay(site, "/slow");
    site.signal(signal);
    expect((await request.response()).status).toBe(200);
    expect(await site.exited()).toBe(0);
  });

  test("a second one ends all at once", async () => {
    await using site = await serve(1, 'drain_timeout = "1h"\n');
    using request = await underWay(site, "/endless");
    site.signal("SIGTERM");
    await until(() => site.stderr.includes("finishing what runs"), "the first one was heard");
    site.signal("SIGQUIT");
    expect(await site.exited()).toBe(0);
    await request.closed();
  });

  test("HUP loads new code; code that can't boot changes nothing and the log says why", async () => {
    await using site = await serve(2);
    const port = await portOf(site);
    await site.folder.write("app.ts", APP("second"));
    site.signal("SIGHUP");
    await until(() => site.stderr.includes('"reloaded"'), "it is reloaded");
    expect(await say(port)).toStartWith("second");
    await site.folder.write("app.ts", "\nthrow new Error('not today');");
    site.signal("SIGHUP");
    await until(() => /not reloaded: .*app\.ts:2: not today/.test(site.stderr), "the log says why");
    expect(await say(port)).toStartWith("second");
  });

  test("USR2: the binary at its path takes over, and the old process ends", async () => {
    await using site = await serve();
    const port = await portOf(site);
    site.signal("SIGUSR2");
    await until(() => site.code !== undefined, "the old one has left");
    expect(await say(port)).toStartWith("first");
    const successor = (await statusOf(site)).pid;
    expect(successor).not.toBe(site.pid);
    process.kill(successor, "SIGTERM");
    await until(async () => (await say(port).catch(() => "")) === "", "it has left");
  });

  test("TTIN and TTOU: one process more, one less, and no request is lost", async () => {
    await using site = await serve(1);
    const port = await portOf(site);
    const [first] = (await statusOf(site)).children.filter(({ kind }) => kind === "serve");
    const ready = async () => (await statusOf(site)).modes.serve.ready;
    const loads = [Load.start({ port, keepAlive: 4 }), Load.start({ port, fresh: 4 })];
    for (const processes of [2, 3]) {
      site.signal("SIGTTIN");
      await until(async () => (await ready()) === processes, `${processes} are ready`);
    }
    const seen = new Set<string>();
    await until(async () => seen.add(await say(port)).size === 3, "all three answer");
    for (const processes of [2, 1]) {
      site.signal("SIGTTOU");
      await until(async () => (await ready()) === processes, `${processes} are left`);
      await until(
        () => site.stderr.includes(`"processes":${processes},"msg":"one process less"`),
        "it is done",
      );
    }
    await until(async () => (await statusOf(site)).children.length === 2, "they have ended");
    for (const load of loads) {
      const { ok, failed, reasons } = await load.stop();
      expect({ failed, reasons }).toEqual({ failed: 0, reasons: [] });
      expect(ok).toBeGreaterThan(0);
    }
    site.signal("SIGTTOU");
    await until(() => site.stderr.includes("the last process of the app stays: TERM ends all"), "it stays");
    const [last] = (await statusOf(site)).children.filter(({ kind }) => kind === "serve");
    expect(last).toMatchObject({ pid: first?.pid ?? 0, state: "ready", restarts: 0 });
    expect((await site.admin("/health")).status).toBe(200);
  }, 120_000);

  test("a process that can't boot does not come with TTIN", async () => {
    await using site = await serve(1);
    await site.folder.write("app.ts", "throw new Error('no more');");
    site.signal("SIGTTIN");
    await until(() => /app\.ts:1: no more/.test(site.stderr), "the log says why");
    expect((await statusOf(site)).modes.serve.ready).toBe(1);
    expect((await site.admin("/health")).status).toBe(200);
    expect(await say(await portOf(site))).toStartWith("first");
  });
});

test("children do not heed the terminal's signals", async () => {
  await using site = await serve(1);
  const port = await portOf(site);
  const before = await say(port);
  const pid = Number(before.split(" ")[1]);
  for (const signal of [
    "SIGINT",
    "SIGQUIT",
    "SIGHUP",
    "SIGUSR1",
    "SIGUSR2",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
  ] as const) {
    process.kill(pid, signal);
  }
  expect(await say(port)).toBe(before);
});

test("TSTP to the worker: what runs goes on, nothing new is taken, also by a child that comes back", async () => {
  const jobs = `import { defineJobs } from "trivet";
    export default defineJobs({ slow: { async run(_payload, job) {
      job.log.info("begun"); await Bun.sleep(700); job.log.info("finished"); } } });`;
  await using site = await Trivet.start({ mode: "worker", files: { "jobs.ts": jobs } });
  const enqueue = async () => expect((await site.run(["jobs", "enqueue", "slow", "{}"])).code).toBe(0);
  const said = (word: string) => site.stderr.split(`"${word}"`).length - 1;
  await enqueue();
  await until(() => said("begun") === 1, "the job runs");
  site.signal("SIGTSTP");
  await until(() => site.stderr.includes("quiet: taking no new job"), "it is quiet");
  await enqueue();
  await until(() => said("finished") === 1, "what ran is done");
  const worker = async () => (await statusOf(site)).children.find(({ kind }) => kind === "worker");
  const pid = (await worker())?.pid ?? 0;
  process.kill(pid, "SIGKILL");
  await until(async () => {
    const child = await worker();
    return child?.state === "ready" && child.pid !== pid;
  }, "another has come");
  // Long enough for a worker that fetches: it would have begun within a few milliseconds.
  await Bun.sleep(300);
  expect(said("begun")).toBe(1);
  await until(async () => {
    const { modes } = (await (await site.admin("/status")).json()) as { modes: { worker: object } };
    return Bun.deepMatch({ quiet: true, queues: [{ waiting: 1 }] }, modes.worker);
  }, "the other one waits");
  site.signal("SIGTTIN");
  await until(() => site.stderr.includes('"mode":"worker","processes":2'), "one process more");
  expect(await site.stop()).toBe(0);
}, 120_000);
