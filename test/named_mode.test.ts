import { expect, test } from "bun:test";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

const APP = 'export default { fetch: () => new Response("hello") };\n';

test("port 0 of admin.http is a free one in every mode, and told of", async () => {
  await using site = await Trivet.start({
    mode: "serve",
    config: `[serve]\nlisten = "127.0.0.1:0"\nworkers = 1\n[admin]\ndir = "run"\nhttp = "127.0.0.1:0"\n`,
    files: { "app.ts": APP },
  });
  await until(() => site.stderr.includes('"ready"'), "it says where");
  const { admin } = site.stderr
    .split("\n")
    .filter((line) => line.includes('"ready"'))
    .map((line) => JSON.parse(line) as { admin: string })[0] ?? { admin: "" };
  expect(Number(admin.split(":")[1])).toBeGreaterThan(1024);
  expect((await fetch(`http://${admin}/health`)).status).toBe(200);
});

test("a second instance is told how to get an address of its own, and runs beside the first with it", async () => {
  await using site = await Trivet.start({
    mode: "serve",
    config: `[serve]\nlisten = "127.0.0.1:0"\nworkers = 1\n[admin]\ndir = "run"\nhttp = "127.0.0.1:0"\n`,
    files: { "app.ts": APP },
  });
  await until(() => site.stderr.includes('"ready"'), "it says where");
  const taken = /"admin":"([^"]+)"/.exec(site.stderr)?.[1] ?? "";
  const { code, stderr } = await site.run(["serve", "--name", "two", "--admin-http", taken]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining('"--admin-http HOST:PORT" gives'),
  });
});

test("reload and upgrade take the mode they are for; commands find what runs although the config is wrong by now", async () => {
  await using site = await Trivet.start({
    mode: "serve",
    config: '[serve]\nlisten = "127.0.0.1:0"\nworkers = 1\n',
    files: { "app.ts": APP },
  });
  expect(await site.run(["reload", "serve"])).toMatchObject({ code: 0 });
  expect(await site.run(["reload", "worker"])).toMatchObject({
    code: 1,
    stderr: "no worker runs here with this config: nothing was reloaded\n",
  });
  expect(await site.run(["upgrade", "edge"])).toMatchObject({
    code: 2,
    stderr: "name one mode, up, proxy, serve, worker, or none for all that run here\n",
  });
  await site.folder.write("trivet.toml", `[store]\nurl = "\${SECRET}"\n[admin]\ndir = "run"\nhttp = ""\n`);
  const { code, stdout } = await site.run(["status"]);
  expect([code, stdout]).toEqual([0, expect.stringContaining("trivet serve")]);
  expect(await site.run(["reload", "serve"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("the environment variable SECRET is not set"),
  });
});
