import { expect, test } from "bun:test";
import { RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EchoOrigin } from "./echo_origin.ts";
import { EdgeSite } from "./edge_site.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("requests one after the other share one connection to the server, over clients too", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  for (let i = 0; i < 5; i++) expect((await edge.get()).status).toBe(200);
  expect(origin.requests).toHaveLength(5);
  expect(origin.connections).toHaveLength(1);
});

test.each([
  ["Connection: close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"],
  ["HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"],
  ["surplus bytes", `${OK}surplus`],
])("a server's connection is not used again after %s", async (_, answer) => {
  using origin = new EchoOrigin(answer);
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  for (let i = 0; i < 3; i++) {
    client.send(GET);
    expect((await client.response()).body.toString()).toBe("ok");
  }
  expect(origin.connections).toHaveLength(3);
});

test("1,000 pipelined requests are answered in order, one at a time to the server", async () => {
  let asked = 0;
  let open = 0;
  using origin = RawOrigin.start((connection, bytes) => {
    expect(++open).toBe(1);
    expect(bytes.toString("latin1").match(/GET \/(\d+) /)?.[1]).toBe(String(asked++));
    const body = String(asked - 1);
    open--;
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  client.send(Array.from({ length: 1000 }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: a.test\r\n\r\n`).join(""));
  for (let i = 0; i < 1000; i++) expect((await client.response()).body.toString()).toBe(String(i));
  expect(origin.connections).toHaveLength(1);
});

test("a server that closes its idle connections costs no request, not even a POST", async () => {
  using origin = RawOrigin.start((connection) => {
    connection.send(OK);
    setTimeout(() => connection.end(), 5);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  for (let i = 1; i <= 20; i++) {
    client.send(POST);
    expect((await client.response("POST")).status).toBe(200);
    await until(
      () => origin.connections.length === i && origin.connections.every(({ ended }) => ended),
      "the server closes",
    );
  }
});

test("a server that closes a connection just as it is used again costs no GET", async () => {
  const answered = new WeakSet<object>();
  using origin = RawOrigin.start((connection) => {
    if (answered.has(connection)) return connection.end();
    answered.add(connection);
    connection.send(OK);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  for (let i = 0; i < 20; i++) {
    client.send(GET);
    expect((await client.response()).status).toBe(200);
  }
  expect(origin.connections).toHaveLength(20);
});

test("a reset just as a connection is used again costs no GET either", async () => {
  const answered = new WeakSet<object>();
  using origin = RawOrigin.start((connection) => {
    if (answered.has(connection)) return connection.reset();
    answered.add(connection);
    connection.send(OK);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  for (let i = 0; i < 20; i++) {
    client.send(GET);
    expect((await client.response()).status).toBe(200);
  }
});

test("HTTP/1.0 stays open when it asks for it", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  for (let i = 0; i < 2; i++) {
    client.send("GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n");
    const response = await client.response();
    expect([response.status, response.headers.get("connection")?.toLowerCase()]).toEqual([200, "keep-alive"]);
  }
});

test("HTTP/1.0 may come without a Host; the server is told one all the same", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  client.send("GET / HTTP/1.0\r\n\r\n");
  expect((await client.response()).status).toBe(200);
  await client.closed();
  expect(origin.lastFields().get("host")).toEqual([origin.address]);
  expect(origin.lastFields().has("x-forwarded-host")).toBe(false);
});

test("an idle client's connection is closed without a word", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    tables: '[proxy.timeouts]\nkeep_alive = "1s"\n',
  });
  using client = await edge.open();
  const startMs = performance.now();
  client.send(GET);
  await client.response();
  await client.closed();
  expect(performance.now() - startMs).toBeWithin(1000, 20_000);
  expect(client.received).toHaveLength(0);
  expect(client.broken).toBeUndefined();
});
