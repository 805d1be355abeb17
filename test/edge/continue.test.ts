import { expect, test } from "bun:test";
import { RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

const HEAD = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("the server's 100 reaches the client, then the body the server", async () => {
  using origin = RawOrigin.start((connection, bytes) => {
    if (bytes.includes("\r\n\r\n")) connection.send("HTTP/1.1 100 Continue\r\n\r\n");
    if (connection.received.toString("latin1").endsWith("hello")) connection.send(OK);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  client.send(HEAD);
  expect((await client.response("POST")).status).toBe(100);
  expect(origin.connections[0]?.received.toString("latin1")).toMatch(/^expect: 100-continue\r$/im);
  expect(origin.connections[0]?.received.toString("latin1")).not.toContain("hello");
  client.send("hello");
  expect((await client.response("POST")).body.toString()).toBe("ok");
});

test("a final answer instead of 100 reaches the client, whose body is not waited for", async () => {
  using origin = RawOrigin.answering("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  client.send(HEAD);
  expect((await client.response("POST")).status).toBe(417);
  await client.closed();
});

test("a client that sends its body unasked is served", async () => {
  using origin = RawOrigin.start((connection) => {
    if (connection.received.toString("latin1").endsWith("hello")) connection.send(OK);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  client.send(`${HEAD}hello`);
  expect((await client.response("POST")).status).toBe(200);
});

test("an HTTP/1.0 client hears no 100", async () => {
  using origin = RawOrigin.start((connection, bytes) => {
    if (bytes.includes("\r\n\r\n")) connection.send("HTTP/1.1 100 Continue\r\n\r\n");
    if (connection.received.toString("latin1").endsWith("hello")) connection.send(OK);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  client.send(HEAD.replace("HTTP/1.1", "HTTP/1.0"));
  await until(() => origin.connections[0]?.received.includes("\r\n\r\n"), "the head arrives");
  client.send("hello");
  expect((await client.response("POST")).status).toBe(200);
});
