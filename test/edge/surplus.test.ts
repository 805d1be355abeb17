/** What a server sends beyond an answer never is another one. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type OriginConnection, RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const LATE = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

/** A connection rests far longer, on a slow machine too. */
const RESTS_MS = 100;
/** A connection that is over and keeps its port in use, in proc_net_tcp. */
const TIME_WAIT = "06";

/** Answers "/first" with `answer`; its body comes late: when the next request has come on the same connection. */
function slipping(answer: string) {
  const slipped = new Set<OriginConnection>();
  const origin = RawOrigin.start((connection, bytes) => {
    if (slipped.has(connection)) connection.send(LATE);
    else if (!bytes.includes(" /first ")) connection.send(OK);
    else {
      slipped.add(connection);
      connection.send(answer);
    }
  });
  return { origin, slipped };
}

test.each([
  ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n"],
  ["HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["HEAD", "HTTP/1.1 200 OK\r\n\r\n"],
  ["GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 44\r\n\r\n"],
  ["GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["DELETE", "HTTP/1.1 204 No Content\r\nContent-Length: 44\r\n\r\n"],
])("a late body behind the answer to %s, %j", async (method, answer) => {
  const { origin } = slipping(answer);
  using _ = origin;
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using one = await edge.open();
  using two = await edge.open();
  for (let i = 0; i < 3; i++) {
    one.send(`${method} /first HTTP/1.1\r\nHost: a.test\r\n\r\n`);
    await one.response(method);
    for (const client of [two, one]) {
      client.send("GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n");
      expect((await client.response()).body.toString()).toBe("ok");
    }
  }
});

test.each(["304 Not Modified", "204 No Content"])(
  "a connection rests after %s before it is used again",
  async (status) => {
    let last: { connection: OriginConnection; atMs: number } | undefined;
    const gaps: { sameConnection: boolean; ms: number }[] = [];
    using origin = RawOrigin.start((connection) => {
      const atMs = performance.now();
      if (last) gaps.push({ sameConnection: connection === last.connection, ms: atMs - last.atMs });
      last = { connection, atMs };
      connection.send(`HTTP/1.1 ${status}\r\n\r\n`);
    });
    await using edge = await EdgeSite.start({ servers: [origin.address] });
    using client = await edge.open();
    // A slow machine may let it rest long enough.
    const soon = () => gaps.filter(({ ms }) => ms < RESTS_MS);
    await until(async () => {
      client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
      await client.response();
      return soon().length >= 3;
    }, "requests in quick succession");
    expect(soon().filter(({ sameConnection }) => sameConnection)).toEqual([]);
  },
);

test("a connection on which nothing follows a 304 is used again", async () => {
  using origin = RawOrigin.answering("HTTP/1.1 304 Not Modified\r\n\r\n");
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  for (let i = 0; i < 200; i++) {
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    expect((await client.response()).status).toBe(304);
  }
  expect(origin.connections.length).toBeLessThan(10);
});

test("connections that carried a HEAD leave no port waiting behind", async () => {
  using origin = RawOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  // Others on this machine may have used the port before.
  const before = connectionsOf(origin.port).map(({ pair }) => pair);
  for (let i = 0; i < 20; i++) {
    client.send("HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    expect((await client.response("HEAD")).status).toBe(200);
  }
  await until(() => origin.connections.filter(({ ended }) => ended).length === 20, "all are closed");
  const left = connectionsOf(origin.port).filter(({ pair }) => !before.includes(pair));
  expect(left.filter(({ state }) => state === TIME_WAIT)).toEqual([]);
});

test("no more connections than max_connections, those that rest after a 304 included", async () => {
  using origin = RawOrigin.answering("HTTP/1.1 304 Not Modified\r\n\r\n");
  await using edge = await EdgeSite.start({ servers: [{ address: origin.address, max_connections: 1 }] });
  using client = await edge.open();
  for (let i = 0; i < 10; i++) {
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    expect((await client.response()).status).toBe(304);
    await until(() => origin.connections.filter(({ ended }) => !ended).length <= 1, "at most one is open");
  }
});

test.each(["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"])(
  "interim answers, 101 and 204 don't speak of a body: %j",
  async (field) => {
    const last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    using origin = RawOrigin.start((connection, bytes) => {
      const switches = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw\r\n";
      if (bytes.includes("Upgrade: raw")) connection.send(`${switches}${field}\r\nraw bytes`);
      else if (bytes.includes("DELETE")) connection.send(`HTTP/1.1 204 No Content\r\nX-A: b\r\n${field}\r\n`);
      else connection.send(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n${field}\r\n${last}`);
    });
    await using edge = await EdgeSite.start({ servers: [origin.address] });
    const heard = async (request: string, end: string) => {
      using client = await edge.open();
      client.send(`${request} / HTTP/1.1\r\nHost: a.test\r\n`);
      client.send(request === "PATCH" ? "Connection: upgrade\r\nUpgrade: raw\r\n\r\n" : "\r\n");
      await until(() => client.received.includes(end), `${request}: ${end}`);
      return client.received.toString();
    };
    const [interim = "", final] = (await heard("GET", "ok")).split("\r\n\r\n");
    expect(interim).toContain("103 Early Hints\r\nLink: </a>");
    expect(interim).not.toMatch(/content-length|transfer-encoding/i);
    expect(final).toContain("Content-Length: 2");
    expect(await heard("PATCH", "raw bytes")).not.toMatch(/content-length|transfer-encoding/i);
    expect(await heard("DELETE", "X-A: b\r\n\r\n")).not.toMatch(/content-length|transfer-encoding/i);
  },
);

/** Connections from or to this port, as the kernel knows them (proc_net_tcp). */
function connectionsOf(port: number): { pair: string; state: string }[] {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = "", remote = ""]) => local.endsWith(end) || remote.endsWith(end))
    .map(([, local, remote, state = ""]) => ({ pair: `${local} ${remote}`, state }));
}
