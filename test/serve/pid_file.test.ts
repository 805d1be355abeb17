import { expect, test } from "bun:test";
import { existsSync, lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { trivetBinary } from "../harness/binary.ts";
import { Folder } from "../harness/folder.ts";
import { Trivet } from "../harness/trivet.ts";
import { until } from "../harness/until.ts";

const FILES = { "app.ts": "export default { fetch: () => new Response('ok') };", "run/.keep": "" };
const config = (file: string) => `[serve]\nlisten = "127.0.0.1:0"\nworkers = 1\npid_file = "${file}"\n`;

function start(files: Record<string, string> = {}, args: string[] = []): Promise<Trivet> {
  return Trivet.start({ mode: "serve", config: config("run/app.pid"), files: { ...FILES, ...files }, args });
}

const pidIn = (path: string) => Number(readFileSync(path, "utf8"));

test("is there while it runs; a second instance is refused; what a kill -9 leaves is no obstacle", async () => {
  await using site = await start({ "run/app.pid": "99999999\n" });
  const path = join(site.folder.path, "run/app.pid");
  expect(pidIn(path)).toBe(site.pid);
  const second = await site.run(["serve", "--name", "second"]);
  expect(second.code).toBe(1);
  expect(second.stderr.trim()).toBe(
    `serve.pid_file ${path} says that Trivet already runs as process ${site.pid}: stop it first, or give this one another file`,
  );
  expect(pidIn(path)).toBe(site.pid);

  site.signal("SIGKILL");
  await site.exited();
  expect(pidIn(path)).toBe(site.pid);
  const again = Bun.spawn([trivetBinary(), "serve"], {
    cwd: site.folder.path,
    stdio: ["ignore", "ignore", "ignore"],
  });
  await until(() => pidIn(path) === again.pid, "the new one has taken it");
  again.kill("SIGTERM");
  expect(await again.exited).toBe(0);
  expect(existsSync(path)).toBe(false);
}, 120_000);

test("follows an upgrade and a reload; a start that fails leaves none", async () => {
  await using site = await start();
  const path = join(site.folder.path, "run/app.pid");
  expect((await site.run(["upgrade"])).code).toBe(0);
  await until(() => site.code !== undefined, "the old one has left");
  const successor = pidIn(path);
  expect(successor).not.toBe(site.pid);
  const text = readFileSync(join(site.folder.path, "trivet.toml"), "utf8");
  await site.folder.write("trivet.toml", text.replace("run/app.pid", "run/other.pid"));
  const { code, stderr } = await site.run(["reload"]);
  expect([code, stderr]).toEqual([0, ""]);
  expect([existsSync(path), pidIn(join(site.folder.path, "run/other.pid"))]).toEqual([false, successor]);
  process.kill(successor, "SIGTERM");
  await until(() => !existsSync(join(site.folder.path, "run/other.pid")), "it has left");

  await site.folder.write("app.ts", "throw new Error('no');");
  expect((await site.run(["serve"])).code).toBe(1);
  expect(existsSync(join(site.folder.path, "run/other.pid"))).toBe(false);
}, 120_000);

test("a folder that is not there is told", async () => {
  await using site = await start();
  await site.folder.write("other.toml", `${config("none/app.pid")}[admin]\ndir = "run"\nhttp = ""\n`);
  const { code, stderr } = await site.run(["serve", "-c", "other.toml", "--name", "b"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^can't write serve.pid_file \S+\/none\/app.pid: .*; set it to a place that can be written\n$/,
  );
});

test("a link or a pipe that somebody has put in its place is not followed, and holds nobody up", async () => {
  await using folder = await Folder.make({
    ...FILES,
    victim: "not yours",
    "trivet.toml": `${config("run/app.pid")}[admin]\ndir = "run"\nhttp = ""\n`,
  });
  const path = join(folder.path, "run/app.pid");
  // As in /tmp, where anybody may put something, and knows the number of the next process. exec keeps it.
  const script = 'chmod 1777 run; mkfifo run/app.pid; ln -s ../victim run/app.pid.$$; exec "$0" serve';
  const site = Bun.spawn(["sh", "-c", script, trivetBinary()], {
    cwd: folder.path,
    stdio: ["ignore", "ignore", "ignore"],
  });
  try {
    await until(() => lstatSync(path).isFile() && pidIn(path) === site.pid, "it is written");
    expect(readFileSync(join(folder.path, "victim"), "utf8")).toBe("not yours");
    site.kill("SIGTERM");
    expect(await site.exited).toBe(0);
    expect(existsSync(path)).toBe(false);
  } finally {
    site.kill("SIGKILL");
    await site.exited;
  }
}, 120_000);
