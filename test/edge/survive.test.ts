import { describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync } from "node:fs";
import { trivetBinary } from "../harness/binary.ts";
import { runTrivet } from "../harness/command.ts";
import { Folder } from "../harness/folder.ts";
import { freePort } from "../harness/free_port.ts";
import { Load } from "../harness/load.ts";
import { Origin } from "../harness/origin.ts";
import { Trivet } from "../harness/trivet.ts";
import { until } from "../harness/until.ts";
import { configOf, EdgeSite } from "./edge_site.ts";

test("kill -9 of a data-plane process costs only what was on it; it comes back", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    proxy: 'workers = 2\naccess_log = "off"',
  });
  const [victim = 0, other = 0] = await edge.dataPlane();
  const clients = { keepAlive: 8, fresh: 4 };
  const load = Load.start({ port: edge.port, ...clients });
  await until(() => load.result.ok > 300, "load");
  process.kill(victim, "SIGKILL");
  const whole = async () => {
    const pids = await edge.dataPlane();
    return pids.length === 2 && !pids.includes(victim);
  };
  await until(whole, "two again");
  const { ok } = load.result;
  await until(() => load.result.ok > ok + 300, "load goes on");
  const result = await load.stop();
  expect(await edge.dataPlane()).toContain(other);
  // Each client had at most one request on the process that was killed.
  expect(result.failed).toBeLessThanOrEqual(clients.keepAlive + clients.fresh);
  expect(result.refused).toBe(0);
}, 120_000);

test("while no data-plane process is there, new connections wait instead of failing", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  for (let i = 0; i < 3; i++) {
    const [pid = 0] = await until(async () => {
      const pids = await edge.dataPlane();
      return pids.length === 1 ? pids : undefined;
    }, "one process");
    process.kill(pid, "SIGKILL");
    await until(() => !existsSync(`/proc/${pid}/exe`), "it is gone");
    expect((await edge.get()).status).toBe(200);
  }
  expect((await edge.status()).children[0]?.restarts).toBe(3);
}, 120_000);

test("kill -9 of the supervisor leaves no process and no listener behind", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: "workers = 2" });
  const pids = await edge.dataPlane();
  edge.trivet.signal("SIGKILL");
  await edge.trivet.exited();
  await until(() => pids.every((pid) => !existsSync(`/proc/${pid}/exe`)), "its children are gone");
  // The kernel takes a process's memory before it closes its sockets.
  await until(() => edge.refuses(), "nobody is accepted any more");
});

test("after kill -9 a new start on the same folder and port works at once", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  edge.trivet.signal("SIGKILL");
  await edge.trivet.exited();
  const again = Bun.spawn(
    [process.env["TRIVET_BIN"] ?? "dist/trivet", "proxy", "-c", `${edge.trivet.folder.path}/trivet.toml`],
    {
      stdio: ["ignore", "ignore", "ignore"],
    },
  );
  try {
    await until(async () => (await edge.get()).status === 200, "it serves again");
  } finally {
    again.kill("SIGKILL");
    await again.exited;
  }
});

describe("a start that can't be says why in one sentence, and leaves nothing", () => {
  test("port in use: exit code 1", async () => {
    await using origin = Origin.start("a");
    await using folder = await Folder.make({
      "trivet.toml": withAdmin(configOf(origin.port, { servers: ["127.0.0.1:1"] })),
    });
    const { code, stderr } = await runTrivet(["proxy"], { cwd: folder.path });
    expect(code).toBe(1);
    expectOneSentence(stderr, String(origin.port));
    expect(existsSync(`${folder.path}/run/proxy.sock`)).toBe(false);
  });

  test("a second start of the same instance: exit code 1, the first goes on", async () => {
    await using origin = Origin.start("a");
    await using edge = await EdgeSite.start({ servers: [origin.address] });
    const { code, stderr } = await edge.trivet.run(["proxy"]);
    expect(code).toBe(1);
    expectOneSentence(stderr, String(edge.trivet.pid));
    expect((await edge.get()).status).toBe(200);
    expect((await edge.trivet.admin("/health")).status).toBe(200);
  });

  test.each([
    ["no such file", "missing.toml", 2],
    ["a folder for a file", ".", 2],
    ["not TOML", "broken.toml", 2],
    ["a key that is not known", "unknown.toml", 2],
    ["a route to no backend", "route.toml", 2],
    ["serve: without an app server", "serve.toml", 2],
  ])("%s: exit code %#", async (_, file, expected) => {
    await using folder = await Folder.make({
      "broken.toml": "[proxy\n",
      "unknown.toml": "[proxy]\nworkerz = 2\n",
      "route.toml": '[[proxy.route]]\nbackend = "none"\n',
      "serve.toml": '[[proxy.route]]\nbackend = "serve:"\n',
    });
    const { code, stderr, stdout } = await runTrivet(["proxy", "-c", file], { cwd: folder.path });
    expect({ code, stdout }).toEqual({ code: expected, stdout: "" });
    expectOneSentence(stderr);
  });

  test("an admin address in use: exit code 1, and the edge does not listen", async () => {
    await using origin = Origin.start("a");
    const port = await freePort();
    const config = `${configOf(port, { servers: [origin.address] })}\n[admin]\ndir = "run"\nhttp = "${origin.address}"\n`;
    const failed: unknown = await Trivet.start({ mode: "proxy", config }).catch((error: unknown) => error);
    expect(String(failed)).toContain("code 1");
    expect(String(failed)).toContain(origin.address);
  });
});

test("a config that may not be read is told, by its name", async () => {
  await using folder = await Folder.make({ "trivet.toml": "" });
  chmodSync(`${folder.path}/trivet.toml`, 0);
  const nobody = 65534;
  chmodSync(folder.path, 0o755);
  // A copy: another user may not be able to reach the folder that the binary was built in.
  copyFileSync(trivetBinary(), `${folder.path}/trivet`);
  chmodSync(`${folder.path}/trivet`, 0o755);
  const child = Bun.spawn([`${folder.path}/trivet`, "proxy"], {
    cwd: folder.path,
    ...(process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const stderr = await new Response(child.stderr).text();
  expect(await child.exited).toBe(2);
  expectOneSentence(stderr, "trivet.toml");
});

function expectOneSentence(stderr: string, ...words: string[]): void {
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(stderr).not.toMatch(/\n\s+at |Error:|undefined/);
  for (const word of words) expect(stderr).toContain(word);
}

function withAdmin(config: string): string {
  return `${config}\n[admin]\ndir = "run"\nhttp = ""\n`;
}
