import { expect, test } from "bun:test";
import { until } from "../harness/until.ts";
import { AppSite } from "./app_site.ts";

const TIMEOUT = 'request_timeout = "200ms"';
/** Longer than the timeout. */
const LONG_MS = 500;

/** Handlers that wait for their signal, that stream on beyond the time, and that answer. */
const PLAIN = `export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/wait") {
      await new Promise((done) => request.signal.addEventListener("abort", done));
      console.log("aborted by " + request.signal.reason.name);
    }
    if (pathname === "/upload") await request.text();
    if (pathname === "/stream") return new Response((async function* () {
      yield "first "; await Bun.sleep(${LONG_MS}); yield "second"; })());
    return new Response("ok");
  } };`;

test("a handler that is late gets its signal aborted, the client 504, the log a line, the metrics one more", async () => {
  await using site = await AppSite.up({ files: { "app.ts": PLAIN }, serve: TIMEOUT });
  for (const base of [site.url, site.edgeUrl]) {
    const late = await fetch(`${base}/wait?secret=hunter2`);
    expect([late.status, await late.text()]).toEqual([504, "Gateway Timeout"]);
    expect(await (await fetch(base)).text()).toBe("ok");
  }
  await until(() => site.trivet.stdout.split("aborted by TimeoutError").length === 3, "both handlers know");
  const line = /"path":"\/wait".*did not answer in time: 504/;
  await until(() => line.test(site.trivet.stderr), "the log says so");
  expect(site.trivet.stderr).not.toContain("hunter2");
  await until(
    async () => (await site.metric("trivet_serve_request_timeouts_total")) === 2,
    "both are counted",
  );
});

test("it is the time to the head: a stream that has begun goes on, an upload that does not end counts", async () => {
  await using site = await AppSite.start({ files: { "app.ts": PLAIN }, serve: TIMEOUT });
  expect(await (await fetch(`${site.url}/stream`)).text()).toBe("first second");
  const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1)) });
  expect((await fetch(`${site.url}/upload`, { method: "POST", body })).status).toBe(504);
});

test("an Elysia route and a WebSocket under it", async () => {
  const files = {
    "app.ts": `import { Elysia } from "elysia";
      export default new Elysia()
        .get("/wait", ({ request }) => new Promise((done) => request.signal.addEventListener("abort", done)))
        .ws("/ws", { async message(ws, text) { await Bun.sleep(${LONG_MS}); ws.send("late " + text); } });`,
  };
  await using site = await AppSite.start({ files, serve: TIMEOUT });
  expect((await fetch(`${site.url}/wait`)).status).toBe(504);
  const socket = new WebSocket(`${site.url.replace("http", "ws")}/ws`);
  const heard = new Promise((done) => {
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({ data }) => done(data);
  });
  expect(await heard).toBe("late hello");
  socket.close();
});
