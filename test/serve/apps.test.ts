/** Apps as they are: what runs alone under Bun runs the same here; test/serve.test.ts has the first half. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { runTrivet } from "../harness/command.ts";
import { Folder } from "../harness/folder.ts";
import { AppSite } from "./app_site.ts";

const NODE_MODULES = resolve(import.meta.dir, "../../node_modules");

const ELYSIA = `
  import { Elysia, sse, t } from "elysia";
  import { jobs } from "trivet";
  export default new Elysia()
    .onStart(({ server }) => console.log("started on " + server.port))
    .onStop(() => console.log("stopped"))
    .onError(({ error, set }) => { set.status = 418; return "mine: " + error.message; })
    .get("/generator", async function* () { yield "a"; await Bun.sleep(1); yield "b"; })
    .get("/sse", async function* () { yield sse({ event: "x", data: "1" }); yield sse("2"); })
    .get("/static", new Response("static"))
    .get("/file", Bun.file(import.meta.dir + "/notes.txt"))
    .get("/boom", () => { throw new Error("boom"); })
    .get("/job", async () => (await jobs.enqueue("any")).length)
    .mount("/mounted", (request) => new Response(new URL(request.url).pathname))
    .post("/form", ({ body }) => body.file.name, { body: t.Object({ file: t.File() }) })
    .get("/tell", ({ server }) => { server.publish("room", "news"); return "told"; })
    .ws("/ws", { open(ws) { ws.subscribe("room"); ws.send("hi"); } })
    .listen(3000);`;

async function text(base: string, path: string, init?: RequestInit): Promise<string> {
  const response = await fetch(base + path, init);
  return `${response.status} ${await response.text()}`;
}

/** What comes over a WebSocket after it was opened, up to `count` messages. */
function messages(base: string, count: number, whenOpen: () => unknown): Promise<string[]> {
  const heard: string[] = [];
  const socket = new WebSocket(`${base.replace("http", "ws")}/ws`);
  return new Promise((done, fail) => {
    socket.onerror = () => fail(new Error(`no WebSocket at ${base}`));
    socket.onmessage = ({ data }) => {
      heard.push(String(data));
      if (heard.length === 1) whenOpen();
      if (heard.length < count) return;
      socket.close();
      done(heard);
    };
  });
}

async function tryElysia(site: AppSite): Promise<void> {
  const { url } = site;
  expect(await text(url, "/generator")).toBe("200 ab");
  expect(await text(url, "/sse")).toBe("200 event: x\ndata: 1\n\ndata: 2\n\n");
  expect(await text(url, "/static")).toBe("200 static");
  expect(await text(url, "/file")).toBe("200 some notes");
  expect(await text(url, "/boom")).toBe("418 mine: boom");
  expect(await text(url, "/job")).toBe("200 26");
  expect(await text(url, "/mounted/deep")).toBe("200 /deep");
  const form = new FormData();
  form.set("file", new File(["abc"], "a.txt"));
  expect(await text(url, "/form", { method: "POST", body: form })).toBe("200 a.txt");
  expect(await messages(url, 2, () => fetch(`${url}/tell`))).toEqual(["hi", "news"]);
  expect(await site.trivet.stop()).toBe(0);
  expect(site.trivet.stdout).toContain(`started on ${site.port}`);
  expect(site.trivet.stdout).toContain("stopped");
}

/** A folder whose node_modules has packages of this project's. */
async function withPackages(files: Record<string, string>, names: readonly string[]): Promise<Folder> {
  const folder = await Folder.make(files);
  mkdirSync(join(folder.path, "node_modules"));
  for (const name of names) symlinkSync(join(NODE_MODULES, name), join(folder.path, "node_modules", name));
  return folder;
}

describe("Elysia with streams, files, publish, onError and listen() in its file", () => {
  test("without node_modules", async () => {
    await using site = await AppSite.start({ files: { "app.ts": ELYSIA, "notes.txt": "some notes" } });
    await tryElysia(site);
  });

  test("with its own copy", async () => {
    await using folder = await withPackages({ "app.ts": ELYSIA, "notes.txt": "some notes" }, ["elysia"]);
    await using site = await AppSite.start({ files: {}, serve: `app = "${folder.path}/app.ts"` });
    await tryElysia(site);
  });
});

test("Hono: streams, errors, uploads, jobs", async () => {
  const app = `
    import { Hono } from "hono";
    import { streamSSE } from "hono/streaming";
    import { jobs } from "trivet";
    export default new Hono()
      .get("/sse", (c) => streamSSE(c, async (out) => { await out.writeSSE({ data: "a" }); await out.writeSSE({ data: "b" }); }))
      .get("/address", (c) => c.text(c.env.requestIP(c.req.raw).address))
      .get("/boom", () => { throw new Error("boom"); })
      .get("/job", async (c) => c.text(String((await jobs.enqueue("any")).length)))
      .post("/upload", async (c) => c.text(String((await c.req.arrayBuffer()).byteLength)));`;
  await using folder = await withPackages({ "app.ts": app }, ["hono"]);
  await using site = await AppSite.start({ files: {}, serve: `app = "${folder.path}/app.ts"` });
  expect(await text(site.url, "/sse")).toBe("200 data: a\n\ndata: b\n\n");
  expect(await text(site.url, "/address")).toBe("200 127.0.0.1");
  expect(await text(site.url, "/boom")).toBe("500 Internal Server Error");
  expect(await text(site.url, "/job")).toBe("200 26");
  expect(await text(site.url, "/upload", { method: "POST", body: "x".repeat(1000) })).toBe("200 1000");
});

test("the options of Bun.serve: routes, methods, parameters, constants, files, an error of its own", async () => {
  const app = `export default {
    port: 1, hostname: "nowhere.test", idleTimeout: 1,
    routes: {
      "/static": new Response("static"),
      "/file": new Response(Bun.file(import.meta.dir + "/notes.txt")),
      "/page/:id": (request) => new Response(request.params.id),
      "/form": { GET: () => new Response("get"), POST: async (request) => new Response("post " + await request.text()) },
      "/all/*": () => new Response("all"),
    },
    error: (error) => new Response("mine: " + error.message, { status: 418 }),
    fetch(request) { if (request.url.endsWith("/boom")) throw new Error("boom"); return new Response("none", { status: 404 }); },
  };`;
  await using site = await AppSite.up({ files: { "app.ts": app, "notes.txt": "some notes" } });
  for (const url of [site.url, site.edgeUrl]) {
    expect(await text(url, "/static")).toBe("200 static");
    expect(await text(url, "/file")).toBe("200 some notes");
    expect(await text(url, "/page/7")).toBe("200 7");
    expect(await text(url, "/form")).toBe("200 get");
    expect(await text(url, "/form", { method: "POST", body: "b" })).toBe("200 post b");
    expect(await text(url, "/all/of/it")).toBe("200 all");
    expect(await text(url, "/boom")).toBe("418 mine: boom");
    expect(await text(url, "/other")).toBe("404 none");
    expect(await text(url, "/readyz")).toBe("200 ok");
  }
});

test("an object of a class, which sees where it listens", async () => {
  const app = `class App { #greeting = "hello"; fetch(request, server) {
      return Response.json([this.#greeting, server.port, server.hostname, String(server.url), server.development]); } }
    export default new App();`;
  await using site = await AppSite.start({ files: { "app.ts": app } });
  const seen: unknown = await (await fetch(site.url)).json();
  expect(seen).toEqual(["hello", site.port, "127.0.0.1", `${site.url}/`, false]);
});

test("trivet test tries an app and its jobs on a store of its own", async () => {
  await using folder = await Folder.make({
    "app.ts": `import { Elysia } from "elysia"; import { jobs } from "trivet";
      export default new Elysia().post("/signup", async ({ body }) => ({ job: await jobs.enqueue("greet", body) }));`,
    "jobs.ts": `import { t } from "elysia"; import { defineJobs } from "trivet";
      export const greeted = [];
      export default defineJobs({ greet: { schema: t.Object({ name: t.String() }), run({ name }, job) { greeted.push(name + job.attempt); } } });`,
    "site.test.ts": `
      import { expect, test } from "bun:test";
      import app from "./app.ts";
      import handlers, { greeted } from "./jobs.ts";
      const signup = (body) => app.handle(new Request("http://localhost/signup", {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }));
      test("the app enqueues", async () => {
        expect((await (await signup({ name: "Ann" })).json()).job).toHaveLength(26);
        expect((await signup({ name: 1 })).status).toBe(500);
      });
      test("the job greets", async () => {
        await handlers.greet.run({ name: "Ann" }, { attempt: 1 });
        expect(greeted).toEqual(["Ann1"]);
      });`,
  });
  const { code, stderr } = await runTrivet(["test"], { cwd: folder.path });
  expect(stderr).toContain("2 pass");
  expect(code).toBe(0);
});
