import { describe, expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { runTrivet } from "./harness/command.ts";
import { Folder } from "./harness/folder.ts";
import { freePort } from "./harness/free_port.ts";
import { Load } from "./harness/load.ts";
import { RawConnection } from "./harness/raw_connection.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

const CONFIG = '[serve]\nlisten = "127.0.0.1:0"\nworkers = 2\n';
const NODE_MODULES = resolve(import.meta.dir, "../node_modules");

interface Status {
  children: { kind: string; pid: number; state: string; bootMs?: number; restarts: number }[];
  modes: { serve: { listen: string[]; ready: number } };
}

async function statusOf(site: Trivet): Promise<Status> {
  return (await (await site.admin("/status")).json()) as Status;
}

async function baseOf(site: Trivet): Promise<string> {
  return `http://${(await statusOf(site)).modes.serve.listen[0]}`;
}

async function portOf(site: Trivet): Promise<number> {
  return Number(new URL(await baseOf(site)).port);
}

async function serveChildren(site: Trivet): Promise<Status["children"]> {
  return (await statusOf(site)).children.filter(({ kind }) => kind === "serve");
}

function serve(files: Record<string, string>, config = CONFIG): Promise<Trivet> {
  return Trivet.start({ mode: "serve", config, files });
}

function echoOverWebSocket(url: string): Promise<string[]> {
  const heard: string[] = [];
  const socket = new WebSocket(url);
  return new Promise((done, fail) => {
    socket.onmessage = ({ data }) => {
      heard.push(String(data));
      if (heard.length === 1) return socket.send("there");
      socket.close();
      done(heard);
    };
    socket.onerror = () => fail(new Error(`no WebSocket at ${url}`));
  });
}

describe("apps", () => {
  test("an Elysia app without node_modules keeps server, WebSocket, lifecycle and validation", async () => {
    await using site = await serve({
      "app.ts": `
        import { Elysia, t } from "elysia";
        import { jobs } from "trivet";
        let started = 0;
        export default new Elysia()
          .use(Bun.sleep(1).then(() => new Elysia().get("/late", () => "late")))
          .onStart(() => { started++; })
          .onStop(() => console.log("the app has stopped"))
          .get("/", () => "hello")
          .get("/constant", "constant")
          .get("/server", ({ server, request }) => ({ started, port: server?.port, ip: server?.requestIP(request) }))
          .get("/boom", () => { throw new Error("boom"); })
          .post("/job", async ({ body }) => ({ job: await jobs.enqueue("any", body) }), { body: t.Object({ n: t.Number() }) })
          .ws("/ws", { open(ws) { ws.send("hi"); }, message(ws, text) { ws.send("echo " + text); } });`,
    });
    const base = await baseOf(site);
    const get = async (path: string) => (await fetch(base + path)).text();
    expect(await Promise.all(["/", "/constant", "/late", "/healthz"].map(get))).toEqual([
      "hello",
      "constant",
      "late",
      "ok",
    ]);
    const seen = JSON.parse(await get("/server")) as {
      started: number;
      port: number;
      ip: { address: string };
    };
    expect(seen).toMatchObject({ started: 1, port: await portOf(site), ip: { address: "127.0.0.1" } });
    expect(await echoOverWebSocket(`${base.replace("http", "ws")}/ws`)).toEqual(["hi", "echo there"]);
    const post = (body: string) =>
      fetch(`${base}/job`, { method: "POST", headers: { "content-type": "application/json" }, body });
    expect(await (await post('{"n":1}')).json()).toEqual({ job: expect.stringMatching(/^[0-9A-Z]{26}$/) });
    expect((await post('{"n":"x"}')).status).toBe(422);
    expect((await fetch(`${base}/boom`)).status).toBe(500);
    await until(() => site.stderr.includes(`${site.folder.path}/app.ts:12: boom`), "the log names the line");
    expect(await site.stop()).toBe(0);
    expect(site.stdout.match(/the app has stopped/g)).toHaveLength(2);
  });

  test("the user's own elysia wins", async () => {
    await using site = await serve({
      "node_modules/elysia/package.json": '{ "name": "elysia", "version": "0.0.1", "main": "mine.js" }',
      "node_modules/elysia/mine.js":
        'export class Elysia { fetch() { return new Response("my own elysia"); } }',
      "app.ts": 'import { Elysia } from "elysia"; export default new Elysia();',
    });
    expect(await (await fetch(await baseOf(site))).text()).toBe("my own elysia");
  });

  test("a Hono app from the user's node_modules, with its WebSocket", async () => {
    await using folder = await Folder.make({
      "app.ts": `
        import { Hono } from "hono";
        import { upgradeWebSocket, websocket } from "hono/bun";
        const app = new Hono()
          .get("/", (c) => c.text("hono"))
          .get("/ws", upgradeWebSocket(() => ({
            onOpen(_, ws) { ws.send("hi"); }, onMessage(event, ws) { ws.send("echo " + event.data); } })));
        export default { fetch: app.fetch, websocket };`,
      "hono.ts":
        'import { Hono } from "hono"; export default new Hono().get("/", (c) => c.text("bare hono"));',
      "node_modules/.keep": "",
    });
    symlinkSync(join(NODE_MODULES, "hono"), join(folder.path, "node_modules/hono"));
    const app = (name: string) =>
      `[serve]\napp = "${folder.path}/${name}"\nlisten = "127.0.0.1:0"\nworkers = 1\n`;
    await using site = await serve({}, app("app.ts"));
    const base = await baseOf(site);
    expect(await (await fetch(base)).text()).toBe("hono");
    expect(await echoOverWebSocket(`${base.replace("http", "ws")}/ws`)).toEqual(["hi", "echo there"]);
    await using bare = await serve({}, app("hono.ts"));
    expect(await (await fetch(await baseOf(bare))).text()).toBe("bare hono");
    expect((await fetch(`${await baseOf(bare)}/healthz`)).status).toBe(200);
  });

  test('a plain object with fetch, "trivet" in a nested file, its own health and its own answers', async () => {
    await using site = await serve({
      "app.ts": `
        import { kind } from "./inner/store.ts";
        export default {
          fetch(request, server) {
            const { pathname } = new URL(request.url);
            if (pathname === "/ws") return server.upgrade(request) ? undefined : new Response("no", { status: 400 });
            if (pathname === "/healthz") return new Response("my own health");
            if (pathname === "/boom") throw new RangeError("too far");
            return pathname === "/" ? new Response(kind) : new Response("nothing", { status: 404 });
          },
          websocket: { open(ws) { ws.send("hi"); }, message(ws, text) { ws.send("echo " + text); } },
        };`,
      "inner/store.ts": 'import { jobs } from "trivet"; export const kind: string = typeof jobs.enqueueMany;',
    });
    const base = await baseOf(site);
    const get = async (path: string) => {
      const response = await fetch(base + path);
      return `${response.status} ${await response.text()}`;
    };
    expect(await Promise.all(["/", "/healthz", "/readyz", "/other"].map(get))).toEqual([
      "200 function",
      "200 my own health",
      "200 ok",
      "404 nothing",
    ]);
    expect(await get("/boom")).toBe("500 Internal Server Error");
    const fault = `${site.folder.path}/app.ts:8: RangeError: too far`;
    await until(() => site.stderr.includes(fault), "the log names the line");
    expect(await echoOverWebSocket(`${base.replace("http", "ws")}/ws`)).toEqual(["hi", "echo there"]);
    await until(async () => {
      const metrics = await (await site.admin("/metrics")).text();
      return Number(/^trivet_serve_requests_total (\d+)$/m.exec(metrics)?.[1]) >= 6;
    }, "they are counted");
  });

  test("an app that listens by itself gets our addresses, all of them", async () => {
    const port = await freePort();
    await using site = await serve(
      { "app.ts": `Bun.serve({ port: ${port}, fetch: () => new Response("by itself") });` },
      `[serve]\nlisten = ["127.0.0.1:0", "127.0.0.1:${await freePort()}"]\nworkers = 1\n`,
    );
    const addresses = (await statusOf(site)).modes.serve.listen;
    expect(new Set(addresses).size).toBe(2);
    for (const address of addresses)
      expect(await (await fetch(`http://${address}`)).text()).toBe("by itself");
    expect(await fetch(`http://127.0.0.1:${port}`).catch(() => "refused")).toBe("refused");

    await using elysia = await serve({
      "app.ts": `import { Elysia } from "elysia";
        export default new Elysia().get("/", ({ server }) => String(server?.port)).listen(${port});`,
    });
    expect(await (await fetch(await baseOf(elysia))).text()).toBe(String(await portOf(elysia)));
    expect(await fetch(`http://127.0.0.1:${port}`).catch(() => "refused")).toBe("refused");
  });
});

describe("wrong apps are told in one sentence with file and line, exit code 1, nothing left behind", () => {
  const cases: [what: string, files: Record<string, string>, sentence: string][] = [
    ["missing", {}, "PATH/app.ts is missing: create it or name another file"],
    [
      "a syntax error",
      { "app.ts": "const a = 1;\nconst b = {;\n" },
      'PATH/app.ts:2: Expected identifier but found ";"',
    ],
    ["throws at the top", { "app.ts": "\n\nthrow new Error('no');\n" }, "PATH/app.ts:3: no"],
    [
      "a file it imports throws",
      { "app.ts": 'import "./inner/a.ts";', "inner/a.ts": "\nnull.x;" },
      "PATH/inner/a.ts:2: TypeError: null is not an object (evaluating 'null.x')",
    ],
    [
      "no fetch",
      { "app.ts": "\nexport default { get: 1 };" },
      "PATH/app.ts:2: the default export must have fetch()",
    ],
    [
      "no default export",
      { "app.ts": "export const a = 1;" },
      "PATH/app.ts: the default export must have fetch()",
    ],
    [
      "jobs.ts is wrong",
      { "app.ts": "export default { fetch: () => new Response() };", "jobs.ts": "\nexport default 1;" },
      "PATH/jobs.ts:2: the default export must be defineJobs({ … })",
    ],
  ];
  test.each(cases)("%s", async (_what, files, sentence) => {
    await using folder = await Folder.make({
      ...files,
      "trivet.toml": `${CONFIG}[admin]\ndir = "run"\nhttp = ""\n`,
    });
    const { code, stderr, stdout } = await runTrivet(["serve"], { cwd: folder.path });
    expect(stderr.trim()).toBe(sentence.replace("PATH", folder.path));
    expect([code, stdout]).toEqual([1, ""]);
  });

  test("a port in use, also by another Trivet", async () => {
    const app = { "app.ts": "export default { fetch: () => new Response() };" };
    await using first = await serve(app);
    const address = `127.0.0.1:${await portOf(first)}`;
    await using folder = await Folder.make({
      ...app,
      "trivet.toml": `[serve]\nlisten = "${address}"\n[admin]\ndir = "run"\nhttp = ""\n`,
    });
    const { code, stderr } = await runTrivet(["serve"], { cwd: folder.path });
    expect(stderr.trim()).toBe(`${address} is in use by another program: stop it or choose another port`);
    expect(code).toBe(1);
  });

  test("Redis that refuses", async () => {
    const port = await freePort();
    await using folder = await Folder.make({
      "app.ts": "export default { fetch: () => new Response() };",
      "trivet.toml": `${CONFIG}[store]\nurl = "redis://127.0.0.1:${port}"\n[admin]\ndir = "run"\nhttp = ""\n`,
    });
    const { code, stderr } = await runTrivet(["serve"], { cwd: folder.path });
    expect(stderr).toContain(`Redis at 127.0.0.1:${port}: the connection is refused`);
    expect([code, stderr.trim().split("\n").length]).toEqual([1, 1]);
  });
});

describe("processes", () => {
  const APP = {
    "app.ts": `export default {
      async fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/crash") setTimeout(() => { throw new TypeError("later"); }, 1);
        if (pathname === "/slow") await Bun.sleep(400);
        return new Response(String(process.pid));
      } };`,
  };

  test("children are ready soon after their start", async () => {
    await using site = await serve(APP);
    const { modes, children } = await statusOf(site);
    expect(modes.serve.ready).toBe(2);
    // 70 ms on an idle machine; what waits for something takes longer than a busy one.
    for (const { bootMs } of children) expect(bootMs).toBeLessThan(20_000);
  });

  test("kill -9 of a child: the other goes on, it is brought back", async () => {
    await using site = await serve(APP);
    const [first, second] = await serveChildren(site);
    process.kill(first?.pid ?? 0, "SIGKILL");
    await until(async () => {
      const children = await serveChildren(site);
      return children.every(({ state, pid }) => state === "ready" && pid !== first?.pid);
    }, "both are ready");
    expect((await serveChildren(site)).some(({ pid }) => pid === second?.pid)).toBe(true);
    const result = await Load.start({ port: await portOf(site), fresh: 4, requests: 200 }).done();
    expect(result).toMatchObject({ ok: 200, failed: 0 });
  });

  test("behind the edge a killed child takes only what it was answering with it", async () => {
    const port = await freePort();
    const edge = `[[proxy.listen]]\naddress = "127.0.0.1:${port}"\n`;
    await using site = await Trivet.start({ mode: "up", config: edge + CONFIG, files: APP });
    const loads = [Load.start({ port, keepAlive: 8 }), Load.start({ port, fresh: 8 })];
    const [kills, clients] = [3, 16];
    for (let kill = 0; kill < kills; kill++) {
      const answered = loads.map(({ result }) => result.ok);
      await until(
        () => loads.every(({ result }, i) => result.ok > (answered[i] ?? 0) + 100),
        "the load goes on",
      );
      const [child] = await serveChildren(site);
      process.kill(child?.pid ?? 0, "SIGKILL");
      await until(async () => {
        const children = await serveChildren(site);
        return children.every(({ pid, state }) => state === "ready" && pid !== child?.pid);
      }, "both are ready again");
    }
    const results = await Promise.all(loads.map((load) => load.stop()));
    for (const reason of results.flatMap(({ reasons }) => reasons))
      expect(reason).toBe(
        "answered 502: 502 Bad Gateway: the server closed the connection before it answered\n",
      );
    const failed = results.reduce((sum, result) => sum + result.failed, 0);
    expect(failed).toBeLessThanOrEqual(kills * clients);
    if (failed > 0)
      await until(() => site.stderr.includes("without an answer to this request"), "the log names them");
    expect(await site.stop()).toBe(0);
  });

  test("an app that crashes is started again, and the log names the line", async () => {
    await using site = await serve(APP);
    await fetch(`${await baseOf(site)}/crash`);
    await until(
      () => site.stderr.includes(`${site.folder.path}/app.ts:4: TypeError: later`),
      "the log names it",
    );
    await until(
      async () => (await serveChildren(site)).some(({ restarts }) => restarts === 1),
      "it restarts",
    );
    await until(async () => (await statusOf(site)).modes.serve.ready === 2, "both are ready");
  });

  test("TERM under load: every request that was accepted is answered", async () => {
    await using site = await serve(APP);
    const port = await portOf(site);
    const loads = [
      Load.start({ port, keepAlive: 16 }),
      Load.start({ port, fresh: 16 }),
      Load.start({ port, keepAlive: 4, path: "/slow" }),
    ];
    await until(() => loads.every(({ result }) => result.ok > 10), "all are under way");
    expect(await site.stop()).toBe(0);
    for (const load of loads) {
      const { failed, reasons } = await load.done();
      expect({ failed, reasons }).toEqual({ failed: 0, reasons: [] });
    }
  });

  test("TERM does not wait for a connection whose request does not come", async () => {
    await using site = await serve(APP);
    using half = await RawConnection.open(await portOf(site));
    half.send("GET / HTTP/1.1\r\nHo");
    expect(await (await fetch(await baseOf(site))).text()).toMatch(/^\d+$/);
    const beganMs = performance.now();
    expect(await site.stop()).toBe(0);
    // Bun alone would wait for 12 s.
    expect(performance.now() - beganMs).toBeLessThan(11_000);
    await half.closed();
  });

  test("kill -9 of the supervisor leaves no orphan, even one that is busy", async () => {
    await using site = await serve({
      "app.ts": `export default { fetch(request) {
        if (request.url.endsWith("/busy")) for (;;);
        return new Response(); } };`,
    });
    const pids = (await site.children()).map(({ pid }) => pid);
    expect(pids.length).toBeGreaterThanOrEqual(2);
    const busy = fetch(`${await baseOf(site)}/busy`).catch(() => undefined);
    await until(() => pids.some((pid) => isRunning(pid)), "one is busy");
    site.signal("SIGKILL");
    await until(() => !pids.some(isAlive), "all are gone");
    await busy;
  });

  test("sockets of killed supervisors are removed, those of living ones stay", async () => {
    await using site = await Trivet.start({
      mode: "serve",
      config: CONFIG,
      files: { ...APP, "run/serve-999999999-1.sock": "", [`run/serve-${process.pid}-1.sock`]: "" },
    });
    const names = [
      ...new Bun.Glob("serve-*.sock").scanSync({ cwd: join(site.folder.path, "run"), onlyFiles: false }),
    ];
    expect(names).not.toContain("serve-999999999-1.sock");
    expect(names).toContain(`serve-${process.pid}-1.sock`);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** Uses the processor now (proc(5): field 3 of stat). */
function isRunning(pid: number): boolean {
  const stat = new TextDecoder().decode(Bun.spawnSync(["cat", `/proc/${pid}/stat`]).stdout);
  return / R /.test(stat);
}
