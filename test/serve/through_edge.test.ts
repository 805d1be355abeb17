/** Bodies, limits and clients that leave, through the edge to the app and back. */
import { expect, test } from "bun:test";
import { ownMemory } from "../edge/memory.ts";
import { RawConnection } from "../harness/raw_connection.ts";
import { until } from "../harness/until.ts";
import { AppSite } from "./app_site.ts";

const BODY_BYTES = 192 * 1024 * 1024;
/** What kernels, the edge and Bun may hold between a sender and a reader that stands still. */
const HELD_BYTES_MAX = 48 * 1024 * 1024;
const GROWTH_MAX = 24 * 1024 * 1024;
const STILL_MS = 300;
const PIECE = Buffer.alloc(256 * 1024, "x");

const APP = `let go; const gate = new Promise((done) => { go = done; });
async function count(request) { let bytes = 0; for await (const piece of request.body) bytes += piece.length; return bytes; }
export default {
  maxRequestBodySize: 1024 * 1024 * 1024,
  async fetch(request) {
    const { pathname } = new URL(request.url);
    request.signal.addEventListener("abort", () => console.log("gone: " + pathname));
    if (pathname === "/go") go();
    if (pathname === "/upload") { await gate; return new Response(String(await count(request))); }
    if (pathname === "/download") { let left = ${BODY_BYTES}; return new Response(new ReadableStream({
      pull(controller) { left -= 65536; controller.enqueue(new Uint8Array(65536)); if (left === 0) controller.close(); } })); }
    if (pathname === "/wait") await new Promise(() => {});
    if (pathname === "/events") return new Response(new ReadableStream({
      start: (controller) => controller.enqueue("first"), cancel: () => console.log("cancelled: " + pathname) }));
    if (pathname === "/count") return new Response(String(await count(request)));
    return new Response("ok");
  } };`;

async function processes(site: AppSite): Promise<number[]> {
  const { children } = await site.status();
  return children.filter(({ kind }) => kind === "serve" || kind === "proxy").map(({ pid }) => pid);
}

function memoryOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ownMemory(pid), 0);
}

test("a handler that does not read makes the client wait, and nobody hold much", async () => {
  await using site = await AppSite.up({ files: { "app.ts": APP } });
  const pids = await processes(site);
  const before = memoryOf(pids);
  let sent = 0;
  let movedMs = Date.now();
  let answer = "";
  const push = (socket: Bun.Socket<undefined>) => {
    while (sent < BODY_BYTES) {
      const taken = socket.write(PIECE, 0, Math.min(PIECE.length, BODY_BYTES - sent));
      if (taken <= 0) return;
      sent += taken;
      movedMs = Date.now();
    }
  };
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port: site.edgePort,
    socket: {
      data(_, bytes) {
        answer += bytes.toString("latin1");
      },
      drain: push,
    },
  });
  client.write(`POST /upload HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`);
  push(client);
  await until(() => sent > 0 && Date.now() - movedMs > STILL_MS, "the client waits");
  expect(sent).toBeLessThan(HELD_BYTES_MAX);
  expect(memoryOf(pids) - before).toBeLessThan(GROWTH_MAX);
  await fetch(`${site.edgeUrl}/go`);
  await until(() => answer.endsWith(String(BODY_BYTES)), "the app has it all", 90_000);
  client.terminate();
}, 120_000);

test("a client that does not read makes the app wait, and nobody hold much", async () => {
  await using site = await AppSite.up({ files: { "app.ts": APP } });
  const pids = await processes(site);
  const before = memoryOf(pids);
  let got = 0;
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port: site.edgePort,
    socket: {
      data(_, bytes) {
        got += bytes.length;
      },
    },
  });
  client.pause();
  client.write("GET /download HTTP/1.1\r\nHost: a.test\r\n\r\n");
  // The app's memory says when it has begun, and the clock that it has come to a stand.
  let most = 0;
  let movedMs = Date.now();
  await until(() => {
    const held = memoryOf(pids) - before;
    if (held > most) movedMs = Date.now();
    most = Math.max(most, held);
    return most > 0 && Date.now() - movedMs > 2 * STILL_MS;
  }, "the app waits");
  expect(most).toBeLessThan(GROWTH_MAX);
  client.resume();
  await until(() => got > BODY_BYTES, "the client has it all", 90_000);
  client.terminate();
}, 120_000);

test("a client that leaves is told to the handler, and ends its stream", async () => {
  await using site = await AppSite.up({ files: { "app.ts": APP } });
  for (const port of [site.port, site.edgePort]) {
    using waiting = await RawConnection.open(port);
    waiting.send("GET /wait HTTP/1.1\r\nHost: a.test\r\n\r\n");
    using events = await RawConnection.open(port);
    events.send("GET /events HTTP/1.1\r\nHost: a.test\r\n\r\n");
    using upload = await RawConnection.open(port);
    upload.send("POST /count HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n12345");
    await until(() => events.received.includes("first"), "the stream has begun");
    await until(
      async () => (await site.metric("trivet_serve_requests_in_flight")) === 3,
      "all are under way",
    );
    const said = site.trivet.stdout.length;
    for (const connection of [waiting, events, upload]) connection.close();
    const since = () => site.trivet.stdout.slice(said);
    for (const word of ["gone: /wait", "cancelled: /events", "gone: /count"])
      await until(() => since().includes(word), word);
  }
  await until(async () => (await site.metric("trivet_serve_requests_in_flight")) === 0, "none is left");
});

test("bodies over the edge's limit, the app's or Bun's get 413, with a length or without", async () => {
  const files = { "app.ts": APP.replace("1024 * 1024 * 1024", "1024 * 1024") };
  const MIB = 1024 * 1024;
  await using own = await AppSite.up({ files });
  const post = (base: string, bytes: number, chunked: boolean) =>
    fetch(`${base}/count`, {
      method: "POST",
      body: chunked ? new Blob([new Uint8Array(bytes)]).stream() : new Uint8Array(bytes),
    });
  for (const base of [own.url, own.edgeUrl]) {
    expect(await (await post(base, MIB, false)).text()).toBe(String(MIB));
    expect((await post(base, MIB + 1, false)).status).toBe(413);
    expect((await post(base, 4 * MIB, true)).status).toBe(413);
  }
  await using edge = await AppSite.up({ files, config: '[proxy.limits]\nbody = "64KiB"\n' });
  expect(await (await post(edge.edgeUrl, 65_536, true)).text()).toBe("65536");
  for (const chunked of [false, true]) expect((await post(edge.edgeUrl, 65_537, chunked)).status).toBe(413);
  expect((await post(edge.url, 65_537, false)).status).toBe(200);

  await using plain = await AppSite.start({
    files: { "app.ts": "export default { fetch: async () => new Response() };" },
  });
  using huge = await RawConnection.open(plain.port);
  huge.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${128 * MIB + 1}\r\n\r\n`);
  expect((await huge.response()).status).toBe(413);
});
