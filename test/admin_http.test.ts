import { afterAll, beforeAll, expect, test } from "bun:test";
import { freePort } from "./harness/free_port.ts";
import { RawConnection } from "./harness/raw_connection.ts";
import { Trivet } from "./harness/trivet.ts";

let port: number;
let site: Trivet;

beforeAll(async () => {
  const [listen, admin] = [await freePort(), await freePort()];
  port = admin;
  site = await Trivet.start({
    mode: "proxy",
    config: `
[proxy]
workers = 1
listen = [{ address = "127.0.0.1:${listen}" }]
[[proxy.route]]
respond = { body = "x" }
[admin]
dir = "run"
http = "127.0.0.1:${admin}"
hosts = ["Metrics.example", "[2001:db8::1]"]
`,
  });
});

afterAll(() => site[Symbol.asyncDispose]());

async function ask(head: string): Promise<{ status: number; text: string; head: string }> {
  using connection = await RawConnection.open(port);
  connection.send(`${head}\r\n\r\n`);
  const response = await connection.response();
  return { status: response.status, text: response.body.toString(), head: response.head };
}

test.each([
  "localhost",
  "LocalHost:9900",
  "localhost.",
  "127.0.0.1",
  "127.0.0.1:1",
  "127.9.8.7:80",
  "127.1",
  "[::1]",
  "[::1]:9900",
  "[0:0:0:0:0:0:0:1]",
  "metrics.example",
  "METRICS.Example.:80",
  "[2001:db8:0::1]:9900",
])("admin HTTP answers to %s", async (host) => {
  const { status, head } = await ask(`GET /status HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}`);
  expect(status).toBe(200);
  expect(head).not.toMatch(/access-control/i);
});

test.each([
  "rebound.example",
  "rebound.example:9900",
  "localhost.rebound.example",
  "rebound.localhost.example",
  "127.0.0.1.rebound.example",
  "127.rebound.example",
  "metrics.example.rebound.example",
  "not-metrics.example",
  "10.0.0.1",
  "0.0.0.0",
  "[::]",
  "[2001:db8::2]",
  "localhost, rebound.example",
  "localhost:80:80",
  "localhost:x",
  "a b",
  "",
])("and to nobody who was led here by the name %j", async (host) => {
  for (const path of ["/status", "/metrics", "/health", "/other"]) {
    const { status, text } = await ask(`GET ${path} HTTP/1.1\r\nHost: ${host}`);
    expect([path, status]).toEqual([path, 403]);
    expect(text).toContain("admin.hosts");
  }
});

test("what an absolute target names does not count beside the Host", async () => {
  expect((await ask("GET http://localhost/status HTTP/1.1\r\nHost: rebound.example")).status).toBe(403);
});

test("a check in HTTP/1.0 names no host, as no browser does", async () => {
  expect(await ask("GET /health HTTP/1.0")).toMatchObject({ status: 200, text: "OK\n" });
});

test("on the admin socket nobody is asked for a name", async () => {
  expect((await site.admin("/health")).status).toBe(200);
});
