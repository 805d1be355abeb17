import { afterEach, expect, test } from "bun:test";
import { chmod, copyFile, readlink, rename, rm, symlink } from "node:fs/promises";
import { trivetBinary } from "../harness/binary.ts";
import { runTrivet } from "../harness/command.ts";
import { Folder } from "../harness/folder.ts";
import { freePort } from "../harness/free_port.ts";
import { Load } from "../harness/load.ts";
import { Origin } from "../harness/origin.ts";
import { until } from "../harness/until.ts";
import { configOf } from "./edge_site.ts";

const UPGRADES = 30;
const started = new Set<number>();

afterEach(() => {
  for (const pid of started) kill(pid);
  started.clear();
});

test("30 upgrades under load lose no request; the last one runs the binary that the link leads to", async () => {
  await using origin = Origin.start("a");
  await using site = await Folder.make();
  await copyFile(trivetBinary(), `${site.path}/one`);
  await chmod(`${site.path}/one`, 0o755);
  await symlink("one", `${site.path}/current`);
  const port = await startEdge(site, [origin.address]);
  const load = Load.start({ port, keepAlive: 6, fresh: 3 });
  await until(() => load.result.ok > 100, "load");
  for (let i = 0; i < UPGRADES; i++) {
    const { code, stderr } = await runTrivet(["upgrade"], { cwd: site.path });
    expect([code, stderr]).toEqual([0, ""]);
    started.add(await pidOf(site));
  }
  await copyFile(trivetBinary(), `${site.path}/two`);
  await chmod(`${site.path}/two`, 0o755);
  await symlink("two", `${site.path}/next`);
  await rename(`${site.path}/next`, `${site.path}/current`);
  expect((await runTrivet(["upgrade"], { cwd: site.path })).stderr).toBe("");
  const last = await pidOf(site);
  started.add(last);
  const { failed, refused, reasons } = await load.stop();
  expect({ failed, refused, reasons }).toEqual({ failed: 0, refused: 0, reasons: [] });
  expect(await readlink(`/proc/${last}/exe`)).toBe(`${site.path}/two`);
  await until(() => [...started].filter(alive).length === 1, "those before have left");
}, 300_000);

test("a binary that can't start changes nothing, and the command says why", async () => {
  await using origin = Origin.start("a");
  await using site = await Folder.make();
  await copyFile(trivetBinary(), `${site.path}/current`);
  await chmod(`${site.path}/current`, 0o755);
  const port = await startEdge(site, [origin.address]);
  const before = await pidOf(site);
  await site.write("next", "#!/bin/sh\nexit 3\n");
  await chmod(`${site.path}/next`, 0o755);
  await rename(`${site.path}/next`, `${site.path}/current`);
  const { code, stderr } = await runTrivet(["upgrade"], { cwd: site.path });
  expect(code).toBe(1);
  expect(stderr).toContain("the new binary did not take over: it ended with code 3");
  expect(await pidOf(site)).toBe(before);
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
}, 120_000);

test("what was ordered, and what checks have shown, holds after an upgrade", async () => {
  await using drained = Origin.start("drained");
  await using sick = Origin.start("sick");
  sick.healthy = false;
  await using site = await Folder.make();
  await copyFile(trivetBinary(), `${site.path}/current`);
  await chmod(`${site.path}/current`, 0o755);
  const check =
    '[backend.a.health]\npath = "/healthz"\ninterval = "100ms"\ntimeout = "30s"\nfall = 1\nrise = 100\n';
  const order = (...words: string[]) => runTrivet(["backend", ...words], { cwd: site.path });
  await using fine = Origin.start("fine");
  await startEdge(site, [drained.address, sick.address, fine.address], check);
  const states = async () => {
    const [a] = JSON.parse((await order("ls", "--json")).stdout) as { servers: Record<string, unknown>[] }[];
    return a?.servers.map(({ state, weight }) => [state, weight]);
  };
  await until(async () => (await states())?.[1]?.[0] === "down", "the sick one is down");
  // A supervisor that knew nothing would take it for up, and no check would speak against it.
  sick.healthy = true;
  expect((await order("drain", "a", drained.address)).code).toBe(0);
  expect((await order("weight", "a", fine.address, "7")).code).toBe(0);
  const before = await states();
  expect(before).toEqual([
    ["draining", 1],
    ["down", 1],
    ["up", 7],
  ]);
  expect((await runTrivet(["upgrade"], { cwd: site.path })).stderr).toBe("");
  started.add(await pidOf(site));
  expect(await states()).toEqual(before);
}, 120_000);

test("a killed child comes back though the binary is gone from its path", async () => {
  await using origin = Origin.start("a");
  await using site = await Folder.make();
  await copyFile(trivetBinary(), `${site.path}/current`);
  await chmod(`${site.path}/current`, 0o755);
  const port = await startEdge(site, [origin.address]);
  await rm(`${site.path}/current`);
  const parent = await pidOf(site);
  const [child = 0] = await childrenOf(parent);
  process.kill(child, "SIGKILL");
  await until(async () => !(await childrenOf(parent)).includes(child), "it is gone");
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  await until(async () => (await childrenOf(parent)).length === 2, "both are there");
}, 120_000);

test("a stop soon after an upgrade lets the process before it finish, and ends when that has", async () => {
  const held = Promise.withResolvers<Response>();
  let asked = false;
  await using server = Bun.serve({
    port: 0,
    fetch(request, bun) {
      if (bun.upgrade(request)) return;
      asked = true;
      return held.promise;
    },
    websocket: { message: () => undefined },
  });
  await using site = await Folder.make();
  await symlink(trivetBinary(), `${site.path}/current`);
  // Nobody hears it; that systemd keeps the sockets is what matters: then tunnels are not waited for.
  const kept = { NOTIFY_SOCKET: `@nobody-${process.pid}`, FDSTORE: "512" };
  const port = await startEdge(site, [`127.0.0.1:${server.port}`], "", kept);
  const before = await pidOf(site);
  const tunnel = new WebSocket(`ws://127.0.0.1:${port}/`);
  await until(() => tunnel.readyState === WebSocket.OPEN, "a tunnel");
  const answer = fetch(`http://127.0.0.1:${port}/`);
  await until(() => asked, "a request is under way");
  expect((await runTrivet(["upgrade"], { cwd: site.path })).code).toBe(0);
  const after = await pidOf(site);
  started.add(after);
  process.kill(after, "SIGTERM");
  await until(async () => !alive(after) || (await childrenOf(after)).length === 0, "it has nothing itself");
  held.resolve(new Response("late"));
  expect(await (await answer).text()).toBe("late");
  await until(() => !alive(after), "it ends");
  expect(alive(before)).toBe(false);
}, 120_000);

async function childrenOf(pid: number): Promise<number[]> {
  const listed = await Bun.file(`/proc/${pid}/task/${pid}/children`).text();
  return listed.split(" ").filter(Boolean).map(Number);
}

/** Starts `current` in the folder; its port. */
async function startEdge(site: Folder, servers: string[], tables = "", env = {}): Promise<number> {
  const port = await freePort();
  const proxy = 'workers = 2\naccess_log = "off"';
  const admin = '\n[admin]\ndir = "run"\nhttp = ""\n';
  await site.write("trivet.toml", configOf(port, { servers, proxy, tables }) + admin);
  const { pid } = Bun.spawn([`${site.path}/current`, "proxy"], {
    cwd: site.path,
    env: { ...process.env, ...env },
    stderr: "ignore",
    stdout: "ignore",
  });
  started.add(pid);
  await until(async () => (await pidOf(site)) === pid, "the edge is ready");
  return port;
}

async function pidOf(site: Folder): Promise<number> {
  const response = await fetch("http://trivet/status", {
    unix: `${site.path}/run/proxy.sock`,
    // A kept connection would lead to the one before.
    keepalive: false,
  });
  const { pid, phase } = (await response.json()) as { pid: number; phase: string };
  return phase === "running" ? pid : 0;
}

function alive(pid: number): boolean {
  return kill(pid, 0);
}

function kill(pid: number, signal: NodeJS.Signals | 0 = "SIGKILL"): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    // It is gone already.
    if (error instanceof Error) return false;
    throw error;
  }
}
