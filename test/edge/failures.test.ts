import { describe, expect, test } from "bun:test";
import { closeSockets, openListenSockets } from "../../shared/process/listen_socket.ts";
import { freePort } from "../harness/free_port.ts";
import { Origin } from "../harness/origin.ts";
import { RawOrigin } from "../harness/raw_origin.ts";
import type { RawResponse } from "../harness/raw_response.ts";
import { until } from "../harness/until.ts";
import { EchoOrigin } from "./echo_origin.ts";
import { EdgeSite } from "./edge_site.ts";
import { fillQueue } from "./full_queue.ts";

const POST = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi";

function expectPlain(response: RawResponse, status: number, words: RegExp): void {
  expect([response.status, response.headers.get("content-type")?.split(";")[0]]).toEqual([
    status,
    "text/plain",
  ]);
  expect(response.body.toString()).toMatch(words);
}

test("a server that refuses connections: 502", async () => {
  await using edge = await EdgeSite.start({ servers: [`127.0.0.1:${await freePort()}`] });
  expectPlain(await edge.get(), 502, /refused/);
});

test("a server that refuses is passed over for one that does not, POST too", async () => {
  await using good = Origin.start("good");
  await using edge = await EdgeSite.start({ servers: [`127.0.0.1:${await freePort()}`, good.address] });
  using client = await edge.open();
  for (let i = 0; i < 10; i++) {
    client.send(POST);
    expect((await client.response("POST")).body.toString()).toBe("good");
  }
  expect(good.hits).toBe(10);
});

test("a server that never accepts: 504 after the connect timeout", async () => {
  const { fds, port } = openListenSockets("127.0.0.1:0", 1);
  await using full = await fillQueue(port);
  const servers = [`127.0.0.1:${port}`];
  const tables = `[proxy.timeouts]
connect = "500ms"
[[proxy.route]]
backend = "a"
[[proxy.route]]
path_prefix = "/patient"
backend = "patient"
[backend.patient]
servers = ["${servers[0]}"]
retries = 0
timeouts = { connect = "1h" }
`;
  await using edge = await EdgeSite.start({ servers, backend: "retries = 0", tables });
  using patient = await edge.open();
  patient.send("GET /patient HTTP/1.1\r\nHost: a.test\r\n\r\n");
  // Once more when this machine was held up: by the default each would take 5 s.
  await until(async () => {
    const startMs = performance.now();
    expectPlain(await edge.get(), 504, /connection/);
    const tookMs = performance.now() - startMs;
    expect(tookMs).toBeGreaterThan(500);
    return tookMs < 4500;
  }, "it is sooner than the default");
  expect(patient.received).toHaveLength(0);
  expect(full.size).toBeGreaterThan(0);
  closeSockets(fds);
}, 120_000);

test("a server that does not answer: 504 after the server timeout, and it is not asked again", async () => {
  using origin = RawOrigin.start(() => undefined);
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    tables: '[proxy.timeouts]\nserver = "500ms"\n',
  });
  const startMs = performance.now();
  const answer = edge.get();
  await until(() => origin.connections.length > 0, "the server is asked");
  expectPlain(await answer, 504, /answer/);
  expect(performance.now() - startMs).toBeWithin(500, 20_000);
  expect(origin.connections).toHaveLength(1);
});

test("a server that falls silent within its answer: the answer is cut, not finished", async () => {
  using origin = RawOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    tables: '[proxy.timeouts]\nserver = "500ms"\n',
  });
  using client = await edge.open();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await client.closed();
  expect(client.received.toString()).toEndWith("half");
});

test("an answer that is not HTTP: 502", async () => {
  using origin = RawOrigin.answering("SSH-2.0-OpenSSH_9.2\r\n");
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  expectPlain(await edge.get(), 502, /valid HTTP/);
});

describe("a server that closes before it answers", () => {
  test("a GET goes to the other server", async () => {
    using bad = RawOrigin.start((connection) => connection.end());
    await using good = Origin.start("good");
    await using edge = await EdgeSite.start({ servers: [bad.address, good.address] });
    for (let i = 0; i < 10; i++) expect((await edge.get()).body.toString()).toBe("good");
    expect(bad.connections.length).toBeGreaterThan(0);
  });

  test("a PUT with its body still in hand goes to the other server, whole", async () => {
    using bad = RawOrigin.start((connection) => connection.reset());
    await using good = Origin.start("good", async (request) => new Response(await request.text()));
    await using edge = await EdgeSite.start({ servers: [bad.address, good.address] });
    const body = "x".repeat(50_000);
    for (let i = 0; i < 4; i++) {
      const response = await fetch(`http://127.0.0.1:${edge.port}/`, { method: "PUT", body });
      expect([response.status, await response.text()]).toEqual([200, body]);
    }
  });

  test("a POST is 502: it may have been done", async () => {
    using bad = RawOrigin.start((connection) => connection.end());
    await using edge = await EdgeSite.start({ servers: [bad.address] });
    using client = await edge.open();
    client.send(POST);
    expectPlain(await client.response("POST"), 502, /closed/);
    expect(bad.connections).toHaveLength(1);
  });

  test("retries = 0 is obeyed", async () => {
    using bad = RawOrigin.start((connection) => connection.end());
    await using edge = await EdgeSite.start({ servers: [bad.address], backend: "retries = 0" });
    expect((await edge.get()).status).toBe(502);
    expect(bad.connections).toHaveLength(1);
  });
});

test("no server up: 503 with Retry-After", async () => {
  await using origin = Origin.start("a");
  origin.healthy = false;
  const backend = '[backend.a.health]\ninterval = "50ms"\ntimeout = "30s"\nfall = 1\n';
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: backend });
  await until(async () => (await edge.stateOf(origin.address)) === "down", "the server is down");
  const response = await until(async () => {
    const found = await edge.get();
    return found.status === 503 ? found : undefined;
  }, "a 503");
  expectPlain(response, 503, /no server/);
  expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
});

test("a head that takes too long: 408, by the clock and not by silence", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    tables: '[proxy.timeouts]\nrequest_head = "1s"\n',
  });
  const startMs = performance.now();
  using client = await edge.open();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n");
  // As many fields as a head may have would take 20 s.
  const drip = setInterval(() => client.send("X-A: b\r\n"), 200);
  const response = await client.response();
  clearInterval(drip);
  expectPlain(response, 408, /time/);
  // The default is 10 s.
  expect(performance.now() - startMs).toBeWithin(1000, 9500);
  await client.closed();
  expect(origin.hits).toBe(0);
});

test("a body that stops coming: 408, and the server never takes it for whole", async () => {
  using origin = RawOrigin.start(() => undefined);
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    tables: '[proxy.timeouts]\nclient = "500ms"\n',
  });
  using client = await edge.open();
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhel");
  await until(() => origin.connections[0]?.received.toString().endsWith("hel"), "the server has a part");
  expect((await client.response("POST")).status).toBe(408);
  await client.closed();
  expect(origin.connections[0]?.received.toString()).toEndWith("hel");
});

test.each([
  [413, "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 11\r\n\r\n"],
  [413, "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n"],
  [414, `GET /${"x".repeat(100)} HTTP/1.1\r\nHost: a.test\r\n\r\n`],
  [431, `GET / HTTP/1.1\r\nHost: a.test\r\nX-A: ${"x".repeat(1024)}\r\n\r\n`],
  [431, `GET / HTTP/1.1\r\nHost: a.test\r\n${"X-A: b\r\n".repeat(5)}\r\n`],
])("limits of the config: %d", async (status, request) => {
  await using origin = Origin.start("a");
  const tables = '[proxy.limits]\nbody = "10"\ntarget = "64"\nhead = "1KiB"\nheaders = 5\n';
  await using edge = await EdgeSite.start({ servers: [origin.address], tables });
  using client = await edge.open();
  client.send(request);
  expectPlain(await client.response(), status, new RegExp(`^${status}`));
  await client.closed();
  expect(origin.hits).toBe(0);
});

test("a head as large as the config allows goes through whole", async () => {
  using origin = new EchoOrigin();
  const tables = '[proxy.limits]\nhead = "512KiB"\nheaders = 1000\n';
  await using edge = await EdgeSite.start({ servers: [origin.address], tables });
  const value = "x".repeat(400_000);
  expect((await edge.get("/", "a.test", `X-A: ${value}\r\nX-Z: end\r\n`)).status).toBe(200);
  const fields = origin.lastFields();
  expect([fields.get("x-a")?.[0] === value, fields.get("x-z"), fields.get("x-real-ip")]).toEqual([
    true,
    ["end"],
    ["127.0.0.1"],
  ]);
});

test("a server's head over 64 KiB is 502, at whatever size it comes in one piece", async () => {
  for (const size of [66_000, 100_000, 131_000, 140_000, 200_000]) {
    using origin = RawOrigin.answering(
      `HTTP/1.1 200 OK\r\nX-A: ${"x".repeat(size)}\r\nX-Drop: 1\r\nConnection: X-Drop\r\nContent-Length: 2\r\n\r\nok`,
    );
    await using edge = await EdgeSite.start({ servers: [origin.address] });
    expect([size, (await edge.get()).status]).toEqual([size, 502]);
  }
});
