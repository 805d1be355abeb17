import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { runTrivet } from "../harness/command.ts";
import { Folder } from "../harness/folder.ts";
import { freePort } from "../harness/free_port.ts";
import { Trivet } from "../harness/trivet.ts";
import { until } from "../harness/until.ts";

const IS_ROOT = process.getuid?.() === 0;
const NOBODY = 65534;
/** What every child of a node with `user` says of itself. */
const APP = `
  import { jobs } from "trivet";
  import { readFileSync, writeFileSync } from "node:fs";
  const atLoad = process.getuid();
  export default {
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/job") return Response.json({ id: await jobs.enqueue("who", {}) });
      if (pathname === "/crash") setTimeout(() => process.exit(3), 1);
      const status = readFileSync("/proc/self/status", "utf8");
      writeFileSync("/proc/self/comm", "own");
      return Response.json({ pid: process.pid, atLoad, home: process.env.HOME, user: process.env.USER,
        ids: status.match(/^(Uid|Gid|Groups):.*$/gm).map((line) => line.replace(/\\s+/g, " ").trim()) });
    },
  };`;
const JOBS = `
  import { defineJobs } from "trivet";
  export default defineJobs({ who: { run(_payload, job) { job.log.info("job by " + process.getuid()); } } });`;

interface Answer {
  pid: number;
  atLoad: number;
  home: string;
  user: string;
  ids: string[];
}

function uidOf(pid: number): number {
  return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

async function refused(mode: string, config: string): Promise<{ code: number; stderr: string }> {
  await using folder = await Folder.make({
    "app.ts": APP,
    "jobs.ts": JOBS,
    "trivet.toml": `${config}\n[admin]\ndir = "run"\nhttp = ""\n`,
  });
  const { code, stderr } = await runTrivet([mode], { cwd: folder.path });
  return { code, stderr: stderr.trim() };
}

describe("user and group", () => {
  test("a user or group that is not there is told, exit code 2", async () => {
    expect(await refused("serve", '[serve]\nuser = "no-such"\nlisten = "127.0.0.1:0"')).toEqual({
      code: 2,
      stderr: 'serve.user: this machine has no user "no-such"',
    });
    expect(await refused("worker", '[serve]\nuser = "no-such"')).toMatchObject({ code: 2 });
    const listen =
      'listen = [{ address = "127.0.0.1:0" }]\n[[proxy.route]]\nbackend = "a"\n[backend.a]\nservers = ["127.0.0.1:1"]';
    expect(await refused("proxy", `[proxy]\ngroup = "no-such"\n${listen}`)).toEqual({
      code: 2,
      stderr: 'proxy.group: this machine has no group "no-such"',
    });
  });

  // Who runs the suite decides which of the two can be tried.
  if (IS_ROOT) test("as root: children become the user; log, sockets, store and jobs work", asRoot, 120_000);
  else test("not as root: a sentence, or nothing to do", asSomebody);
});

async function asSomebody(): Promise<void> {
  const { code, stderr } = await refused("serve", '[serve]\nuser = "root"\nlisten = "127.0.0.1:0"');
  expect(stderr).toBe(
    'serve.user: only root may become "root": start as root, or as that user, or remove the key',
  );
  expect(code).toBe(1);
  await using site = await Trivet.start({
    mode: "serve",
    config: `[serve]\nuser = "${process.getuid?.()}"\nlisten = "127.0.0.1:0"\nworkers = 1\n`,
    files: { "app.ts": APP },
  });
  expect((await site.admin("/health")).status).toBe(200);
}

/** A port that only root may bind. */
function lowPort(): number {
  for (let port = 1023; port > 700; port--) {
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } }).stop(true);
      return port;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
  }
  throw new Error("no port below 1024 is free");
}

/** Where the app's user may rename the folder in which the edge looks for sockets. */
async function inFolderOfApp(): Promise<void> {
  await using folder = await Folder.make({
    "app.ts": APP,
    "trivet.toml": '[serve]\nlisten = "127.0.0.1:0"\nuser = "nobody"\n[admin]\ndir = "run"\nhttp = ""\n',
  });
  chownSync(folder.path, NOBODY, NOBODY);
  const { code, stderr } = await runTrivet(["serve"], { cwd: folder.path });
  expect(stderr.trim()).toBe(
    `serve.user "nobody" may change what lies in ${folder.path}, where the sockets of admin.dir are found: set admin.dir to a folder that it may not write to, like /run/trivet`,
  );
  expect(code).toBe(1);
}

async function asRoot(): Promise<void> {
  await inFolderOfApp();
  const port = await freePort();
  const low = lowPort();
  const config = `
[proxy]
workers = 1
user = "daemon"
access_log_to = "file:log/access.log"
listen = [{ address = "127.0.0.1:${port}" }]
[serve]
workers = 2
user = "nobody"
listen = "127.0.0.1:${low}"
`;
  await using site = await Trivet.start({
    mode: "up",
    config,
    files: { "app.ts": APP, "jobs.ts": JOBS, "log/.keep": "" },
    ready: "started",
  });
  // Folders of tests are for their owner only.
  chmodSync(site.folder.path, 0o755);
  await until(async () => (await site.admin("/health")).ok, `it is ready: ${site.stderr}`);
  const base = `http://127.0.0.1:${port}`;
  const ask = async () => (await (await fetch(base)).json()) as Answer;

  const answer = await ask();
  expect(answer).toMatchObject({ atLoad: NOBODY, user: "nobody" });
  expect(answer.home).not.toBe(process.env["HOME"]);
  expect(answer.ids).toEqual([
    `Uid: ${Array(4).fill(NOBODY).join(" ")}`,
    `Gid: ${Array(4).fill(NOBODY).join(" ")}`,
    `Groups: ${NOBODY}`,
  ]);
  const { children } = (await (await site.admin("/status")).json()) as {
    children: { kind: string; pid: number }[];
  };
  const uids = children.map(({ kind, pid }) => [kind, uidOf(pid)]);
  expect(uids.toSorted()).toEqual([
    ["proxy", 1],
    ["serve", NOBODY],
    ["serve", NOBODY],
    ["store", 0],
    ["worker", NOBODY],
  ]);
  expect(uidOf(site.pid)).toBe(0);
  // The address was bound by root.
  expect((await (await fetch(`http://127.0.0.1:${low}`)).json()) as Answer).toMatchObject({ atLoad: NOBODY });

  await (await fetch(`${base}/job`)).json();
  await until(() => site.stderr.includes(`job by ${NOBODY}`), "the job was done");

  const log = join(site.folder.path, "log/access.log");
  await until(() => readFileSync(log, "utf8").includes('"/job"'), "the access log has it");
  expect(statSync(log)).toMatchObject({ uid: 1, nlink: 1 });
  renameSync(log, `${log}.1`);
  site.signal("SIGUSR1");
  await until(async () => {
    await fetch(`${base}/after`);
    return readFileSync(log, "utf8").includes("/after");
  }, "a new file is written");

  // The private sockets are for the edge alone: who could put another there would say what it connects to.
  const run = join(site.folder.path, "run");
  const sockets = readdirSync(run).filter((name) => name.startsWith("serve-"));
  const owners = sockets.map((name) => statSync(join(run, name)));
  expect(owners.map(({ uid, gid, mode }) => [uid, gid, mode & 0o777])).toEqual(Array(2).fill([0, 1, 0o660]));
  expect(statSync(run)).toMatchObject({ uid: 0 });

  await fetch(`${base}/crash`).catch(() => undefined);
  await until(
    async () => (await site.admin("/health")).ok && (await ask()).atLoad === NOBODY,
    "one was brought back",
  );
  const { code, stderr } = await site.run(["reload"]);
  expect([code, stderr]).toEqual([0, ""]);
  expect((await ask()).pid).not.toBe(answer.pid);

  const pids = (await site.children()).map(({ pid }) => pid);
  expect(pids.length).toBeGreaterThanOrEqual(5);
  site.signal("SIGKILL");
  await until(
    () => !pids.some((pid) => existsSync(`/proc/${pid}`)),
    "the kernel has ended them with their parent",
  );
}
