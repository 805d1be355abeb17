import { expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { trivetBinary } from "./harness/binary.ts";
import { runTrivet } from "./harness/command.ts";
import { Folder } from "./harness/folder.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

const APP = { "app.ts": 'export default { fetch: () => new Response("one") };' };
const JOBS = 'import { defineJobs } from "trivet";\nexport default defineJobs({ noop: { run() {} } });';

test("where only an instance with a name runs, a command without it says which names there are", async () => {
  const config = '[serve]\nlisten = "127.0.0.1:0"\nworkers = 1\n[admin]\ndir = "run"\nhttp = ""\n';
  await using folder = await Folder.make({ "trivet.toml": config, ...APP });
  const shop = Bun.spawn([trivetBinary(), "serve", "--name", "shop"], { cwd: folder.path, stderr: "ignore" });
  const status = (...words: string[]) => runTrivet(["status", ...words], { cwd: folder.path });
  try {
    await until(async () => (await status("--name", "shop")).code === 0, "it runs");
    expect(await status()).toMatchObject({
      code: 1,
      stderr: "nothing runs here without a name: say --name shop\n",
    });
    expect(await status("--name", "shopp")).toMatchObject({
      code: 1,
      stderr: "nothing runs here with --name shopp: say --name shop\n",
    });
    await folder.write("other.toml", config);
    expect((await status("-c", "other.toml")).stderr).toStartWith(
      "nothing runs here with this config: start it",
    );
  } finally {
    shop.kill("SIGKILL");
  }
}, 120_000);

test("where two sites share an admin folder, a command reaches the process of its own config, or says whose is there", async () => {
  await using shared = await Folder.make();
  const admin = `[admin]\ndir = "${shared.path}"\nhttp = ""\n`;
  const config = `[proxy]\nlisten = [{ address = "127.0.0.1:0" }]\nworkers = 1\naccess_log = "off"\n[[proxy.route]]\nrespond = { status = 200 }\n${admin}`;
  await using one = await Trivet.start({ mode: "proxy", config, adminDir: shared.path });
  const place = `${one.folder.path}/trivet.toml`;
  await using two = await Folder.make({ "trivet.toml": config, ...APP });
  const inTwo = (...words: string[]) => runTrivet(words, { cwd: two.path });
  for (const words of [
    ["reload"],
    ["reload", "proxy"],
    ["upgrade"],
    ["status"],
    ["backend", "ls"],
    ["jobs", "quiet"],
  ]) {
    const { code, stderr } = await inTwo(...words);
    expect([words, code, stderr]).toEqual([
      words,
      1,
      `nothing runs with ${two.path}/trivet.toml: the proxy that answers on ${shared.path}/proxy.sock is process ${one.pid} and runs with ${place}; add -c ${place} if you mean that one\n`,
    ]);
  }
  expect(one.stderr).not.toContain("reloaded");
  expect((await inTwo("reload", "-c", place)).code).toBe(0);
  const second = await inTwo("proxy");
  expect([second.code, second.stderr]).toEqual([
    1,
    `process ${one.pid}, which runs with ${place}, already answers on ${shared.path}/proxy.sock: set admin.dir to another folder in ${two.path}/trivet.toml, or start with --name NAME\n`,
  ]);
  const again = await one.run(["proxy"]);
  expect([again.code, again.stderr]).toEqual([
    1,
    `already running as process ${one.pid}: stop it first, or start a second instance with --name NAME\n`,
  ]);
  // Beside it another mode of another site: each has its own.
  await using worker = await Trivet.start({
    mode: "worker",
    config: admin,
    files: { "jobs.ts": JOBS },
    adminDir: shared.path,
  });
  const modes = async (cwd: string) =>
    (JSON.parse((await runTrivet(["status", "--json"], { cwd })).stdout) as { mode: string }[]).map(
      ({ mode }) => mode,
    );
  expect(await modes(worker.folder.path)).toEqual(["worker"]);
  expect(await modes(one.folder.path)).toEqual(["proxy"]);
  symlinkSync(one.folder.path, `${two.path}/current`);
  expect(await modes(`${two.path}/current`)).toEqual(["proxy"]);
  expect((await worker.run(["reload"])).stdout).toContain("worker (process");
}, 120_000);
