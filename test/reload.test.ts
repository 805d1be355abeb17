import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { trivetBinary } from "./harness/binary.ts";
import { freePort } from "./harness/free_port.ts";
import { Load } from "./harness/load.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";
import { AppSite } from "./serve/app_site.ts";

const APP = (version: number) =>
  `export default { async fetch() { await Bun.sleep(5); return new Response("version ${version}"); } };`;
const JOBS = 'import { defineJobs } from "trivet";\nexport default defineJobs({ noop: { run() {} } });';
const ROLLS = 10;

async function upSite(files: Record<string, string>): Promise<{ site: Trivet; port: number }> {
  const port = await freePort();
  const config = `
[proxy]
workers = 2
access_log = "off"
listen = [{ address = "127.0.0.1:${port}" }]
[serve]
workers = 2
listen = "127.0.0.1:0"
`;
  return { site: await Trivet.start({ mode: "up", config, files }), port };
}

test("trivet reload brings new app code behind the edge, child by child, and loses no request", async () => {
  const { site, port } = await upSite({ "app.ts": APP(0), "jobs.ts": JOBS });
  await using _ = site;
  const load = Load.start({ port, keepAlive: 6, fresh: 3 });
  for (let version = 1; version <= ROLLS; version++) {
    await site.folder.write("app.ts", APP(version));
    const { code, stderr } = await site.run(["reload"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe(`version ${version}`);
  }
  const { failed, refused, reasons } = await load.stop();
  expect({ failed, refused, reasons }).toEqual({ failed: 0, refused: 0, reasons: [] });
}, 120_000);

test("code that can't boot changes nothing; the command says why, with the user's file and line", async () => {
  const { site, port } = await upSite({ "app.ts": APP(1) });
  await using _ = site;
  await site.folder.write("app.ts", 'const ready = true;\nthrow new Error("not today");\n');
  const { code, stderr } = await site.run(["reload"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/app\.ts:2.*not today/s);
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("version 1");
  expect((await site.admin("/health")).status).toBe(200);
});

test("trivet upgrade hands over edge, app and jobs together", async () => {
  const { site, port } = await upSite({ "app.ts": APP(1), "jobs.ts": JOBS });
  await using _ = site;
  const load = Load.start({ port, keepAlive: 4, fresh: 2 });
  const { code, stderr } = await site.run(["upgrade"]);
  expect([code, stderr]).toEqual([0, ""]);
  await until(() => site.code !== undefined, "the old one has left");
  const { failed, refused, reasons } = await load.stop();
  expect({ failed, refused, reasons }).toEqual({ failed: 0, refused: 0, reasons: [] });
  const [{ pid }] = JSON.parse((await site.run(["status", "--json"])).stdout) as [{ pid: number }];
  expect(pid).not.toBe(site.pid);
  process.kill(pid, "SIGKILL");
}, 120_000);

test("an app that can't boot, a wrong config or a port in use fails an upgrade; what runs goes on, and can still be asked", async () => {
  const { site, port } = await upSite({ "app.ts": APP(1) });
  await using _ = site;
  await site.folder.write("app.ts", 'const ready = true;\nthrow new Error("not today");\n');
  const { code, stderr } = await site.run(["upgrade"]);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/did not take over: .*app\.ts:2: not today/)]);
  await site.folder.write("trivet.toml", "[proxy]\nworkers = 0\n[admin]\ndir = 'run'\n");
  expect((await site.run(["upgrade"])).stderr).toMatch(/did not take over: .*trivet\.toml:2: .*workers/);
  await using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("other") });
  const taken = `127.0.0.1:${other.port}`;
  await site.folder.write("trivet.toml", `[proxy]\nworkers = 2\n[admin]\ndir = "run"\nhttp = "${taken}"\n`);
  expect((await site.run(["upgrade"])).stderr).toContain(
    `the new binary did not take over: ${taken} is in use by another program: stop it or choose another port; it is for status`,
  );
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("version 1");
  expect((await site.admin("/health")).status).toBe(200);
  const [{ pid }] = JSON.parse((await site.run(["status", "--json"])).stdout) as [{ pid: number }];
  expect(pid).toBe(site.pid);
}, 120_000);

test("an upgrade that takes long says what it waits for; meanwhile the old one is asked", async () => {
  const { site } = await upSite({ "app.ts": APP(1) });
  await using _ = site;
  await site.folder.write("app.ts", "await new Promise((resolve) => setTimeout(resolve, 60_000));\n");
  const upgrade = Bun.spawn([trivetBinary(), "upgrade"], {
    cwd: site.folder.path,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const read = (async () => {
    for await (const chunk of upgrade.stdout) said += new TextDecoder().decode(chunk);
  })();
  const [line, pid] = await until(
    () =>
      /^up: waiting for the new binary, process (\d+), which is starting its serve; it has 120 s\n$/.exec(
        said,
      ),
    "it says so",
  );
  expect(line).toBe(said);
  expect((await (await site.admin("/status")).json()) as unknown).toMatchObject({
    pid: site.pid,
    phase: "running",
  });
  expect((await site.admin("/health")).status).toBe(200);
  process.kill(Number(pid), "SIGKILL");
  expect(await upgrade.exited).toBe(1);
  await read;
  expect(await new Response(upgrade.stderr).text()).toContain(
    "the new binary did not take over: it was killed by SIGKILL",
  );
  expect((await site.admin("/status")).status).toBe(200);
}, 120_000);

test("who is told to end while a new binary starts ends with it, and begins nothing more", async () => {
  const held = APP(1).replace("Bun.sleep(5)", "new Promise(() => console.error('asked'))");
  const { site, port } = await upSite({ "app.ts": held });
  await using _ = site;
  const request = fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
  await until(() => site.stderr.includes("asked"), "a request is under way");
  await site.folder.write("app.ts", "await new Promise((resolve) => setTimeout(resolve, 60_000));\n");
  const upgrade = site.run(["upgrade"]);
  const underway = async () =>
    ((await (await site.admin("/status")).json()) as { underway?: string }).underway;
  const [, pid] = await until(
    async () => /process (\d+), which is starting its serve/.exec((await underway()) ?? ""),
    "the new one starts",
  );
  site.signal("SIGTERM");
  expect(await upgrade).toMatchObject({
    code: 1,
    stderr: "the new binary did not take over: we were told to end before it was ready\n",
  });
  await until(() => !existsSync(`/proc/${pid}`), "it is gone");
  for (const command of ["upgrade", "reload"])
    expect((await site.run([command])).stderr).toBe(
      "this process finishes what it has, and begins nothing more\n",
    );
  site.signal("SIGTERM");
  expect(await site.exited()).toBe(0);
  await request;
}, 120_000);

test("a reload that names another handlers file brings its schemas to the app", async () => {
  const jobs = (type: string) => `import { t } from "elysia"; import { defineJobs } from "trivet";
    export default defineJobs({ greet: { schema: t.Object({ name: t.${type}() }), run() {} } });`;
  const app = `import { jobs } from "trivet"; export default { fetch: () =>
    jobs.enqueue("greet", { name: 1 }).then(() => new Response("taken"), ({ message }) => new Response(message)) };`;
  await using site = await AppSite.start({
    files: { "app.ts": app, "jobs.ts": jobs("String"), "other.ts": jobs("Number") },
  });
  const answer = async () => (await fetch(site.url, { keepalive: false })).text();
  expect(await answer()).toContain("payload.name");
  const config = await Bun.file(`${site.path}/trivet.toml`).text();
  await site.write("trivet.toml", `${config}\n[worker]\nhandlers = "other.ts"\n`);
  expect((await site.trivet.run(["reload"])).stderr).toBe("");
  await until(async () => (await answer()) === "taken", "the new schema decides");
});
