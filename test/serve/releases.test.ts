import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { trivetBinary } from "../harness/binary.ts";
import { runTrivet } from "../harness/command.ts";
import { Folder } from "../harness/folder.ts";
import { freePort } from "../harness/free_port.ts";
import { until } from "../harness/until.ts";

const app = (release: string) => `export default { fetch: () => new Response("${release}") };`;
const configOf = (port: number, adminDir: string) =>
  `[serve]\nlisten = "127.0.0.1:${port}"\nworkers = 1\n[admin]\ndir = "${adminDir}"\nhttp = ""\n`;

/** On a connection of its own. One that is accepted and never answered is a fault. */
async function answerOf(port: number): Promise<string> {
  const signal = AbortSignal.timeout(20_000);
  return (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false, signal })).text();
}

test("started in a `current` link: a reload and an upgrade go where it leads now, a broken one changes nothing, and one may be removed", async () => {
  await using folder = await Folder.make();
  const port = await freePort();
  const config = configOf(port, `${folder.path}/run`);
  for (const release of ["r1", "r2", "r3"]) {
    mkdirSync(join(folder.path, release));
    await folder.write(`${release}/app.ts`, app(release));
    await folder.write(`${release}/trivet.toml`, config);
  }
  const current = join(folder.path, "current");
  const lead = (to: string) => {
    symlinkSync(to, join(folder.path, "next"));
    renameSync(join(folder.path, "next"), current);
  };
  const ask = () => answerOf(port);
  mkdirSync(join(folder.path, "broken"));
  await folder.write("broken/app.ts", 'throw new Error("no such luck");');
  await folder.write("broken/trivet.toml", config);
  lead("r1");
  // As after `cd current` in a shell.
  const env = { ...process.env, PWD: current };
  const stdio: ["ignore", "ignore", "ignore"] = ["ignore", "ignore", "ignore"];
  const first = Bun.spawn([trivetBinary(), "serve"], { cwd: current, env, stdio });
  const command = (...words: string[]) => runTrivet(words, { cwd: current });
  const supervisor = async () =>
    (
      JSON.parse((await command("status", "--json")).stdout) as { pid: number; children: { pid: number }[] }[]
    )[0];
  let last = first.pid;
  try {
    await until(() => ask().catch(() => ""), "it answers");
    lead("r2");
    expect(await command("reload")).toMatchObject({ code: 0 });
    expect(await ask()).toBe("r2");
    rmSync(join(folder.path, "r1"), { recursive: true });
    for (const { pid } of (await supervisor())?.children ?? []) process.kill(pid, "SIGKILL");
    await until(async () => (await ask().catch(() => "")) === "r2", "its processes are back");
    const sockets = readdirSync(join(folder.path, "run"));
    for (const _ of [1, 2]) {
      lead("broken");
      expect(await command("upgrade")).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("no such luck"),
      });
      expect(await ask()).toBe("r2");
    }
    expect(readdirSync(join(folder.path, "run"))).toEqual(sockets);
    lead("r3");
    expect(await command("upgrade")).toMatchObject({ code: 0 });
    last = (await supervisor())?.pid ?? last;
    expect(await ask()).toBe("r3");
  } finally {
    first.kill("SIGTERM");
    if (last !== first.pid) process.kill(last, "SIGTERM");
    await until(
      () =>
        ask().then(
          () => false,
          () => true,
        ),
      "it has left",
    );
  }
}, 120_000);

test("started with -c in a folder that is gone by then: an upgrade finds the config, or says that it is gone", async () => {
  await using folder = await Folder.make({ "app.ts": app("one"), "start/.keep": "" });
  const port = await freePort();
  const config = configOf(port, `${folder.path}/run`);
  const file = await folder.write("site.toml", config);
  const start = join(folder.path, "start");
  const ask = () => answerOf(port);
  const first = Bun.spawn([trivetBinary(), "serve", "-c", "../site.toml"], {
    cwd: start,
    env: { ...process.env, PWD: start },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let last = first.pid;
  let said = "";
  const read = (async () => {
    for await (const chunk of first.stderr) said += new TextDecoder().decode(chunk);
  })();
  try {
    await until(() => said.includes('"ready"'), "it hears signals");
    rmSync(start, { recursive: true });
    renameSync(file, `${file}.away`);
    process.kill(first.pid, "SIGUSR2");
    const refusal = `not upgraded: the new binary did not take over: there is no config file ${file}: check the name after -c`;
    await until(() => said.includes(refusal), "it says why not");
    expect(await ask()).toBe("one");
    renameSync(`${file}.away`, file);
    expect(await runTrivet(["upgrade", "-c", file])).toMatchObject({ code: 0, stderr: "" });
    const status = await runTrivet(["status", "--json", "-c", file]);
    last = (JSON.parse(status.stdout) as { pid: number }[])[0]?.pid ?? last;
    expect(last).not.toBe(first.pid);
    expect(await ask()).toBe("one");
  } finally {
    first.kill("SIGKILL");
    if (last !== first.pid) process.kill(last, "SIGKILL");
    await read;
  }
}, 120_000);

test("TERM to a process that has just handed over takes nothing from the new one", async () => {
  await using folder = await Folder.make({ "app.ts": app("new") });
  const port = await freePort();
  await folder.write("trivet.toml", configOf(port, "run"));
  const ask = () => answerOf(port);
  const before = Bun.spawn([trivetBinary(), "serve"], {
    cwd: folder.path,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  let last = 0;
  const read = (async () => {
    for await (const chunk of before.stderr) {
      said += new TextDecoder().decode(chunk);
      const successor = Number(/"successor":(\d+)/.exec(said)?.[1] ?? 0);
      if (successor && !last) before.kill("SIGTERM");
      last = successor;
    }
  })();
  try {
    await until(() => said.includes('"ready"'), "it hears signals");
    process.kill(before.pid, "SIGUSR2");
    expect(await before.exited).toBe(0);
    expect(await ask()).toBe("new");
    const { stdout } = await runTrivet(["status", "--json"], { cwd: folder.path });
    expect(JSON.parse(stdout)).toMatchObject([{ pid: last, phase: "running" }]);
  } finally {
    before.kill("SIGKILL");
    if (last) process.kill(last, "SIGKILL");
    await read;
  }
}, 120_000);

test("a successor whose predecessor died while it started waits for nobody when it is to end", async () => {
  await using folder = await Folder.make({ "app.ts": app("new") });
  const port = await freePort();
  await folder.write("trivet.toml", configOf(port, "run"));
  // Its parent, this process, is nobody's predecessor: there is no channel between them.
  const successor = Bun.spawn([trivetBinary(), "serve"], {
    cwd: folder.path,
    env: { ...process.env, TRIVET_LEGACY: JSON.stringify({ listeners: [], memories: {} }) },
    stdio: ["ignore", "ignore", "ignore"],
  });
  try {
    await until(() => answerOf(port), "it answers");
    successor.kill("SIGTERM");
    await until(() => successor.exitCode === 0, "it ends");
  } finally {
    successor.kill("SIGKILL");
  }
}, 120_000);

test("a supervisor of an older release hears of its successor only that it is ready", async () => {
  await using folder = await Folder.make({ "app.ts": app("new") });
  const port = await freePort();
  await folder.write("trivet.toml", configOf(port, "run"));
  const heard: unknown[] = [];
  const successor = Bun.spawn([trivetBinary(), "serve"], {
    cwd: folder.path,
    env: { ...process.env, TRIVET_LEGACY: JSON.stringify({ listeners: [], memories: {} }) },
    stdio: ["ignore", "ignore", "ignore"],
    serialization: "json",
    ipc: (notice) => heard.push(notice),
  });
  try {
    await until(() => heard.length > 0, "it says something");
    expect(heard).toEqual([{ kind: "ready" }]);
  } finally {
    successor.kill("SIGKILL");
  }
});
