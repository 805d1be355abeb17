/** What may be silent towards the app server and what may not. Bun's own timer counts in steps of 4 s. */
import { expect, test } from "bun:test";
import { RawConnection } from "../harness/raw_connection.ts";
import { until } from "../harness/until.ts";
import { AppSite } from "./app_site.ts";

const BODY_BYTES = 24 * 1024 * 1024;
const CLOSED_MS_MAX = 60_000;
const HELD_UP_MS = 10_000;

const APP = `let go;
const gate = new Promise((done) => { go = done; });
export default {
  async fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (pathname === "/go") go();
    if (pathname === "/handler") await gate;
    if (pathname === "/upload") return new Response(await request.text());
    if (pathname === "/soon") return new Response((async function* () { await Bun.sleep(600); yield "over"; })());
    if (pathname === "/events") return new Response((async function* () { yield "first "; await gate; yield "last"; })());
    if (pathname === "/download") return new Response(Buffer.alloc(${BODY_BYTES}, "x"));
    if (pathname === "/ws") return server.upgrade(request) ? undefined : new Response("no");
    return new Response("ok");
  },
  websocket: { message(ws, text) { ws.send("echo " + text); } },
};`;

function head(path: string, fields = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n`;
}

async function open(site: AppSite, text: string): Promise<RawConnection> {
  const connection = await RawConnection.open(site.port);
  connection.send(text);
  return connection;
}

/** A connection that has been answered once; then it says `more`. */
async function answered(site: AppSite, more: string): Promise<RawConnection> {
  const connection = await open(site, head("/"));
  expect((await connection.response()).body.toString()).toBe("ok");
  connection.send(more);
  return connection;
}

test("requests under way may be silent; idle connections and slow heads are closed", async () => {
  await using site = await AppSite.start({ files: { "app.ts": APP }, serve: 'keep_alive = "5s"' });
  using handler = await open(site, head("/handler"));
  using events = await open(site, head("/events"));
  using upload = await open(site, head("/upload", "Content-Length: 10\r\n").replace("GET", "POST"));
  upload.send("12345");
  let got = 0;
  const reader = await Bun.connect({
    hostname: "127.0.0.1",
    port: site.port,
    socket: {
      data(_, bytes) {
        got += bytes.length;
      },
    },
  });
  reader.pause();
  reader.write(head("/download"));
  const socket = new WebSocket(`${site.url.replace("http", "ws")}/ws`);
  await until(() => socket.readyState === WebSocket.OPEN, "the WebSocket is open");

  using idle = await answered(site, "");
  using over = await open(site, head("/soon"));
  expect((await over.response()).body.toString()).toBe("over");
  using half = await answered(site, "GET / HTTP/1.1\r\nHo");
  using drops = await answered(site, "GET / HTTP/1.1\r\nX-Slow: ");
  // Its first head: Bun has a limit of 12 s for it, of which nobody can talk it out.
  using first = await open(site, "GET / HTTP/1.1\r\nX-Slow: ");
  const dripping = setInterval(() => {
    for (const slow of [drops, first]) slow.send("x");
  }, 100);
  try {
    for (const silent of [idle, over, half, drops, first]) await silent.closed(CLOSED_MS_MAX);
  } finally {
    clearInterval(dripping);
  }

  await fetch(`${site.url}/go`);
  upload.send("67890");
  expect((await handler.response()).body.toString()).toBe("ok");
  expect((await events.response()).body.toString()).toBe("first last");
  expect((await upload.response()).body.toString()).toBe("1234567890");
  expect(got).toBe(0);
  reader.resume();
  await until(() => got > BODY_BYTES, "the slow reader has it all");
  const heard = new Promise((done) => {
    socket.onmessage = ({ data }) => done(data);
  });
  socket.send("still here");
  expect(await heard).toBe("echo still here");
  socket.close();
}, 300_000);

const BLOCKING = `import { existsSync } from "node:fs";
export default {
  fetch(request) {
    // Nothing else runs in this process meanwhile.
    if (request.url.endsWith("/block")) while (!existsSync("unblock"));
    return new Response(String(process.pid));
  },
};`;

test("the edge passes a blocked process by, and comes back to it", async () => {
  await using site = await AppSite.up({
    files: { "app.ts": BLOCKING },
    serve: 'workers = 3\nhang_timeout = "1h"',
  });
  const pids = (await site.children()).map(({ pid }) => pid).toSorted();
  const who = async () => {
    const signal = AbortSignal.timeout(HELD_UP_MS);
    return Number(await (await fetch(site.edgeUrl, { keepalive: false, signal })).text());
  };
  const blocked = fetch(`${site.edgeUrl}/block`);
  await until(() => site.trivet.stderr.includes("another takes its connections"), "it is seen to be silent");
  const answered = new Set<number>();
  await until(async () => {
    answered.clear();
    // If they went round, ten of them would be held up.
    for (let i = 0; i < 30; i++) answered.add(await who());
    return true;
  }, "nobody meets it");
  expect(answered.size).toBe(2);
  expect(pids).toEqual(expect.arrayContaining([...answered]));
  await site.write("unblock", "");
  const last = Number(await (await blocked).text());
  expect(answered).not.toContain(last);
  await until(async () => (await who()) === last, "it has its share again");
  expect((await site.children()).map(({ pid }) => pid).toSorted()).toEqual(pids);
}, 120_000);
