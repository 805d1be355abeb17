import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { trivetBinary } from "../harness/binary.ts";
import { freePort } from "../harness/free_port.ts";
import { Trivet } from "../harness/trivet.ts";

const FILES = {
  "app.ts": `export default { fetch: async (request) => {
    if (new URL(request.url).pathname !== "/version") return new Response("ok");
    const inherited = Bun.spawn([${JSON.stringify(trivetBinary())}, "version"], { stdout: "pipe", stderr: "pipe" });
    return new Response(await new Response(inherited.stdout).text());
  } };`,
  "tasks.ts": 'import { defineJobs } from "trivet"; export default defineJobs({ a: { run() {} } });',
};

test("ps shows what each process is, and whose", async () => {
  const port = await freePort();
  const config = `
[proxy]
workers = 1
listen = [{ address = "127.0.0.1:${port}" }]
[serve]
workers = 2
listen = "127.0.0.1:0"
[worker]
handlers = "tasks.ts"
`;
  await using site = await Trivet.start({ mode: "up", config, files: FILES });
  const children = await site.children();
  expect(children.map(({ command }) => command).toSorted()).toEqual([
    "trivet: proxy 0",
    "trivet: serve 0 app.ts",
    "trivet: serve 1 app.ts",
    "trivet: store 0 trivet.db",
    "trivet: worker 0 tasks.ts",
  ]);
  const short = (pid: number) => readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  expect(children.map(({ pid }) => short(pid)).toSorted()).toEqual([
    "trivet-proxy",
    "trivet-serve",
    "trivet-serve",
    "trivet-store",
    "trivet-worker",
  ]);
  expect(short(site.pid)).toBe("trivet");
  const shown = Bun.spawnSync(["ps", "-o", "args=", "-p", String(children[0]?.pid)]).stdout.toString();
  expect(shown).toMatch(/^trivet: \w+ 0/);
  // What marks a child is not handed on to what user code starts.
  expect(await (await fetch(`http://127.0.0.1:${port}/version`)).text()).toMatch(/^\d+\.\d+/);
});

test("trivet child by hand is refused", async () => {
  await using site = await Trivet.start({
    mode: "serve",
    config: '[serve]\nlisten = "127.0.0.1:0"\n',
    files: FILES,
  });
  const { code, stderr } = await site.run(["child", "serve"]);
  expect([code, stderr.trim()]).toEqual([2, "trivet child is started by a supervisor only: use trivet up"]);
});
