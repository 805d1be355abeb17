/** Apps on node:http: what they get from Trivet that others get, and what of Node they keep. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { $ } from "bun";
import { Folder } from "../harness/folder.ts";
import { until } from "../harness/until.ts";
import { AppSite } from "./app_site.ts";

const PACKAGES = ["express@5", "fastify@5", "koa@3", "ws@8"];

async function answer(url: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(url, { keepalive: false, ...init });
  return `${response.status} ${await response.text()}`;
}

/** Whose processes answer, until there are two. */
async function pidsOf(url: string): Promise<Set<string>> {
  const pids = new Set<string>();
  await until(
    async () => pids.add(await (await fetch(url, { keepalive: false })).text()).size === 2,
    "both answer",
  );
  return pids;
}

const PLAIN = `
  import { createServer } from "node:http";
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://a");
    if (pathname === "/pid") return response.end(String(process.pid));
    if (pathname === "/address") return response.end(String(request.socket.remoteAddress));
    if (pathname === "/slow") return setTimeout(() => response.end("slow"), 700);
    if (pathname === "/never") return setTimeout(() => { response.setHeader("x-late", "1"); response.end("too late"); }, 5000);
    if (pathname === "/stream") { response.write("a"); return setTimeout(() => response.end("b"), 300); }
    if (pathname === "/body") { let size = 0; for await (const part of request) size += part.length; return response.end(String(size)); }
    response.writeHead(404, { "content-type": "text/html" }).end("<p>nothing here");
  });
  server.listen(3999, "nowhere.test", () => console.log("listening " + JSON.stringify(server.address()) + server.listening));`;

describe("a server of node:http", () => {
  let site: AppSite;
  beforeAll(async () => {
    site = await AppSite.up({ files: { "app.ts": PLAIN }, serve: 'workers = 2\nrequest_timeout = "3s"' });
  });
  afterAll(() => site[Symbol.asyncDispose]());

  test("runs in several processes, on the addresses of trivet.toml", async () => {
    expect((await pidsOf(`${site.url}/pid`)).size).toBe(2);
    expect((await pidsOf(`${site.edgeUrl}/pid`)).size).toBe(2);
    expect(site.trivet.stdout).toContain(
      `listening ${JSON.stringify({ address: "127.0.0.1", port: site.port, family: "IPv4" })}true`,
    );
    expect(await answer("http://127.0.0.1:3999/pid").catch(() => "nobody")).toBe("nobody");
  });

  test("answers with its own words, and is healthy where it has none", async () => {
    for (const url of [site.url, site.edgeUrl]) {
      expect(await answer(`${url}/none`)).toBe("404 <p>nothing here");
      expect(await answer(`${url}/healthz`)).toBe("200 ok");
      expect(await answer(`${url}/readyz`, { method: "HEAD" })).toBe("200 ");
      expect(await answer(`${url}/stream`)).toBe("200 ab");
      expect(await answer(`${url}/body`, { method: "POST", body: "x".repeat(300_000) })).toBe("200 300000");
    }
  });

  test("knows its clients, behind the edge too", async () => {
    const headers = { "x-real-ip": "9.9.9.9" };
    for (const url of [site.url, site.edgeUrl])
      expect(await answer(`${url}/address`, { headers })).toBe("200 127.0.0.1");
  });

  test("is answered for when it is late, and goes on", async () => {
    expect(await answer(`${site.url}/never`)).toBe("504 Gateway Timeout");
    expect(await site.metric("trivet_serve_request_timeouts_total")).toBe(1);
    expect(site.trivet.stderr).toContain('"path":"/never"');
    expect((await site.children()).map(({ restarts }) => restarts)).toEqual([0, 0]);
  });

  test("loses no request in a reload, and ends when all is answered", async () => {
    const before = await pidsOf(`${site.url}/pid`);
    const slow = Array.from({ length: 8 }, () => answer(`${site.url}/slow`));
    const reloaded = site.trivet.run(["reload"]);
    let over = false;
    void reloaded.then(() => {
      over = true;
    });
    while (!over) expect(await answer(`${site.edgeUrl}/stream`)).toBe("200 ab");
    expect(await reloaded).toMatchObject({ code: 0 });
    expect(await Promise.all(slow)).toEqual(Array(8).fill("200 slow"));
    await until(async () => (await pidsOf(`${site.url}/pid`)).isDisjointFrom(before), "others answer");
    const last = answer(`${site.url}/slow`);
    await until(async () => (await site.metric("trivet_serve_requests_in_flight")) > 0, "it is under way");
    expect(await site.trivet.stop()).toBe(0);
    expect(await last).toBe("200 slow");
  });
});

test("one that closes itself is replaced first; one that fails is told of", async () => {
  const app = `import { createServer } from "node:http";
    const server = createServer((request, response) => {
      if (request.url === "/close") server.close(() => console.log("closed " + process.pid));
      response.end(String(process.pid)); });
    export default server;`;
  await using site = await AppSite.start({ files: { "app.ts": app } });
  const pid = (await (await fetch(`${site.url}/close`)).text()) as string;
  await until(async () => !(await answer(site.url)).endsWith(pid), "another one answers");
  await until(() => site.trivet.stdout.includes(`closed ${pid}`), "it hears that it is closed");
});

describe("what starts after it was loaded", () => {
  const STARTS = {
    "an async main": `async function main() { await Bun.sleep(200); Bun.serve({ fetch: () => new Response("up") }); } main();`,
    "import.meta.main": `if (import.meta.main) setTimeout(() => Bun.serve({ fetch: () => new Response("up") }), 100);`,
    Elysia: `import { Elysia } from "elysia"; Bun.sleep(200).then(() => new Elysia().get("/", () => "up").listen(3000));`,
    "Elysia, exported": `import { Elysia } from "elysia"; const app = new Elysia().get("/", () => "up");
      Bun.sleep(100).then(() => app.listen(3000)); export default app;`,
    "node:http": `import http from "node:http"; Bun.sleep(200).then(() => http.createServer((_, out) => out.end("up")).listen(3000));`,
    "the server of Bun.serve as default export": `export default Bun.serve({ fetch: () => new Response("up") });`,
    "Bun.serve with static": `Bun.serve({ static: { "/": new Response("up") }, fetch: () => new Response("other") });`,
  };
  for (const [name, app] of Object.entries(STARTS)) {
    test(name, async () => {
      await using site = await AppSite.start({ files: { "app.ts": app } });
      expect(await answer(site.url)).toBe("200 up");
    });
  }

  const FAULTS = {
    "never listens": ["setTimeout(() => 0 && Bun.serve({}), 1);", "was not ready after 1 s"],
    "rejects before it listens": [
      'async function main() {\n  await Bun.sleep(50);\n  throw new Error("no database");\n  Bun.serve({}); }\nmain();',
      "app.ts:3: no database",
    ],
    "has nothing of the kind": ["export const app = {};", "must have fetch()"],
    "ends TLS": [
      'import https from "node:https"; https.createServer({ key: "", cert: "" }).listen(0); export {};',
      "TLS is the edge's",
    ],
    "speaks another protocol": [
      'import net from "node:net"; net.createServer().listen(0); export {};',
      "by itself, as servers of node:net and node:http2 do",
    ],
  } as const;
  for (const [name, [app, sentence]] of Object.entries(FAULTS)) {
    test(`one that ${name} is refused`, async () => {
      const failure: unknown = await AppSite.start({
        files: { "app.ts": app },
        serve: 'boot_timeout = "1s"',
      }).then(
        (site) => site[Symbol.asyncDispose](),
        (error: unknown) => error,
      );
      expect(String(failure)).toContain(sentence);
    });
  }
});

describe("frameworks from npm", () => {
  let folder: Folder;
  beforeAll(async () => {
    folder = await Folder.make({ "package.json": "{}" });
    await $`npm install --no-audit --no-fund ${PACKAGES}`.cwd(folder.path).quiet();
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  const APPS = {
    express: `import express from "express"; const app = express(); app.get("/", (q, r) => { r.send("hello " + q.ip); }); app.listen(3000);`,
    "express, exported": `import express from "express"; const app = express(); app.get("/", (q, r) => { r.send("hello " + q.ip); }); export default app;`,
    fastify: `import fastify from "fastify"; const app = fastify(); app.get("/", async (q) => "hello " + q.ip); await app.listen({ port: 3000 });`,
    "fastify, exported": `import fastify from "fastify"; const app = fastify(); app.get("/", async (q) => "hello " + q.ip); export default app;`,
    koa: `import Koa from "koa"; const app = new Koa(); app.use(async (c, next) => c.path === "/" ? c.body = "hello " + c.ip : next()); app.listen(3000);`,
  };
  for (const [name, app] of Object.entries(APPS)) {
    test(name, async () => {
      await folder.write("app.ts", app);
      await using site = await AppSite.up({
        files: {},
        serve: `app = "${join(folder.path, "app.ts")}"\nworkers = 2`,
      });
      for (const url of [site.url, site.edgeUrl]) {
        expect(await answer(url)).toBe("200 hello 127.0.0.1");
        expect(await answer(`${url}/healthz`)).toBe("200 ok");
        expect(await answer(`${url}/none`)).toStartWith("404 ");
      }
    });
  }

  test("WebSockets by ws beside express", async () => {
    await folder.write(
      "app.ts",
      `import express from "express"; import { createServer } from "node:http"; import { WebSocketServer } from "ws";
       const server = createServer(express());
       new WebSocketServer({ server }).on("connection", (socket) => socket.on("message", (text) => socket.send("echo " + text)));
       server.listen(3000);`,
    );
    await using site = await AppSite.up({ files: {}, serve: `app = "${join(folder.path, "app.ts")}"` });
    for (const url of [site.url, site.edgeUrl]) {
      const socket = new WebSocket(url.replace("http", "ws"));
      const heard = new Promise((resolve, reject) => {
        socket.onopen = () => socket.send("hi");
        socket.onmessage = ({ data }) => resolve(data);
        socket.onerror = () => reject(new Error(`no WebSocket at ${url}`));
      });
      expect(await heard).toBe("echo hi");
      socket.close();
    }
  });
});
