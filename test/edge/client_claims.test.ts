import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { freePort } from "../harness/free_port.ts";
import { RawConnection } from "../harness/raw_connection.ts";
import { until } from "../harness/until.ts";
import { EchoOrigin } from "./echo_origin.ts";
import { EdgeSite } from "./edge_site.ts";
import { HaProxy } from "./haproxy.ts";
import { Nginx } from "./nginx.ts";

const route = (prefix: string, keys: string, action = 'backend = "a"') =>
  `[[proxy.route]]\npath_prefix = "${prefix}"\n${action}\n${keys}\n`;
const TABLES = [
  route("/", ""),
  route("/inside", 'allow = ["10.0.0.0/8", "127.0.0.0/8", "2001:db8::/32"]'),
  route("/outside", 'deny = ["10.6.6.6"]'),
  route("/old", 'allow = ["10.0.0.0/8", "127.0.0.0/8"]', 'redirect = { to = "https://new.test" }'),
].join("");

/** What one claim may have. */
const BOUND_BYTES = 8192;

const origin = new EchoOrigin();
let edge: EdgeSite;

beforeAll(async () => {
  edge = await EdgeSite.start({
    servers: [origin.address],
    proxy: 'trusted_proxies = ["127.0.0.0/8", "10.9.0.0/16"]\nlimits.head = "64KiB"',
    tables: TABLES,
  });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  origin[Symbol.dispose]();
});

const of = (chain: string) => `X-Forwarded-For: ${chain}\r\n`;

/** The newest line of the access log for this target. */
async function logged(target: string): Promise<Record<string, unknown>> {
  const find = () => edge.lines().findLast((line) => line["target"] === target);
  await until(() => find() !== undefined, "the line");
  return find() ?? {};
}

describe("a client that writes a chain longer than is read is not who it says", () => {
  /** As many as fill what is read, and then the one that is to be believed. */
  const forged = `${"10.0.0.1, ".repeat(818)}    10.0.0.1`;

  test("through HAProxy", async () => {
    const port = await freePort();
    await using front = await HaProxy.start(
      port,
      `global
  tune.bufsize 32768
defaults
  mode http
  timeout connect 30s
  timeout client 60s
  timeout server 60s
frontend f
  bind 127.0.0.1:${port}
  option forwardfor
  default_backend b
backend b
  server s 127.0.0.1:${edge.port} source 127.0.0.2
`,
    );
    await expectRefused(front.port);
  });

  test("through nginx", async () => {
    await using front = await Nginx.start(`
      large_client_header_buffers 4 32k;
      location / {
        proxy_pass http://127.0.0.1:${edge.port};
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      }`);
    await expectRefused(front.port);
  });

  async function expectRefused(front: number): Promise<void> {
    const before = origin.requests.length;
    // The front's own address is trusted, as it stands in the chain, so that the one before it is believed.
    for (const path of ["/inside/x", "/old"]) {
      using client = await RawConnection.open({ hostname: "127.0.0.1", port: front });
      client.send(`GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${of(forged)}\r\n`);
      expect([path, (await client.response()).status]).toEqual([path, 431]);
    }
    expect(origin.requests).toHaveLength(before);
  }
});

describe.each([
  ["X-Forwarded-For", "1.1.1.1, "],
  ["X-Forwarded-Host", "a.test, "],
  ["X-Forwarded-Proto", "https, "],
  ["X-Request-ID", "abc, "],
])("what a trusted proxy says in %s", (name, entry) => {
  const chain = entry.repeat(BOUND_BYTES / entry.length + 1);

  test("is kept whole up to 8 KiB, over one field or several", async () => {
    const whole = chain.slice(0, BOUND_BYTES - 6);
    for (const fields of [
      `${name}: ${whole}6.6.6\r\n`,
      `${name}: ${whole.slice(0, 99)}\r\n${name}: 6.6.6\r\n`,
    ])
      expect((await edge.get("/", "a.test", fields)).status).toBe(200);
    expect(origin.lastFields().get(name.toLowerCase())?.join()).toContain("6.6.6");
  });

  test("is refused beyond, and nothing of the request goes on", async () => {
    const before = origin.requests.length;
    for (const fields of [
      `${name}: ${chain.slice(0, BOUND_BYTES)}x\r\n`,
      `${name}: ${chain.slice(0, BOUND_BYTES / 2)}x\r\n`.repeat(2),
    ])
      expect((await edge.get("/", "a.test", fields)).status).toBe(431);
    expect(origin.requests).toHaveLength(before);
  });
});

test("nobody is believed whom the chain names too far left, in a redirect either", async () => {
  expect((await edge.get("/old", "a.test", of("10.0.0.1, 6.6.6.6"))).status).toBe(403);
  expect((await edge.get("/old", "a.test", of("6.6.6.6, 10.0.0.1"))).status).toBe(302);
});

describe("an address with a port is that address", () => {
  test.each([
    ["10.1.1.1:4711", "10.1.1.1"],
    ["6.6.6.6, 10.1.1.1:4711", "10.1.1.1"],
    ["10.1.1.1, 10.9.0.1:80", "10.1.1.1"],
    ["[2001:db8::1]:4711", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["2001:db8::1", "2001:db8::1"],
    ["6.6.6.6:1, [2001:db8::1]:2, 10.9.0.1:3", "2001:db8::1"],
    ["10.6.6.6, \t10.1.1.1:1\t ", "10.1.1.1"],
  ])("%s", async (chain, client) => {
    expect((await edge.get(`/inside/${encodeURIComponent(chain)}`, "a.test", of(chain))).status).toBe(200);
    expect(origin.lastFields().get("x-real-ip")).toEqual([client]);
    expect(await logged(`/inside/${encodeURIComponent(chain)}`)).toMatchObject({ client });
  });

  test("also where it is denied", async () => {
    expect((await edge.get("/outside", "a.test", of("10.6.6.6:4711"))).status).toBe(403);
    expect((await edge.get("/outside", "a.test", of("10.6.6.7:4711"))).status).toBe(200);
  });
});

describe("what is no address is nobody", () => {
  test.each([
    "unknown",
    "_hidden",
    "_SEVKISEK:4711",
    "unix:",
    "10.1.1.1.1",
    "10.1.1.1:port",
    "10.1.1.1:4711:1",
    "[10.1.1.1]",
    "[2001:db8::1",
    "2001:db8::1]",
    "fe80::1%eth0",
    '::1%"x',
    "for=10.1.1.1",
    "10.1.1.1 10.1.1.1",
    "10.1.1.1,",
    "10.1.1.1, , 10.9.0.1",
    ",",
    "",
    "10.1.1.1, unknown",
    "10.1.1.1, unknown, 10.9.0.1",
  ])("%j is on no list, and nothing says it is the proxy", async (chain) => {
    const path = `/inside/${encodeURIComponent(chain)}`;
    const before = origin.requests.length;
    expect((await edge.get(path, "a.test", of(chain))).status).toBe(403);
    expect((await edge.get("/old", "a.test", of(chain))).status).toBe(403);
    // Nobody can say that this is not the one who is denied.
    expect((await edge.get("/outside", "a.test", of(chain))).status).toBe(403);
    expect(origin.requests).toHaveLength(before);
    expect(await logged(path)).toMatchObject({ client: "unknown", status: 403 });
    expect((await edge.get("/", "a.test", of(chain))).status).toBe(200);
    expect(origin.lastFields().get("x-real-ip")).toEqual(["unknown"]);
    const [told = "", ...more] = origin.lastFields().get("x-forwarded-for") ?? [];
    expect([told.startsWith(chain || "unknown, "), told.endsWith(", 127.0.0.1"), more]).toEqual([
      true,
      true,
      [],
    ]);
  });

  test("a proxy that says nothing at all asks for itself", async () => {
    expect((await edge.get("/inside/itself")).status).toBe(200);
    expect(await logged("/inside/itself")).toMatchObject({ client: "127.0.0.1" });
  });

  test("HAProxy's format says so too", async () => {
    await using other = await EdgeSite.start({
      servers: [origin.address],
      proxy: 'trusted_proxies = ["127.0.0.0/8"]\naccess_log = "haproxy"',
    });
    await other.get("/", "a.test", of("_hidden"));
    await until(() => other.trivet.stdout.includes("\n"), "the line");
    expect(other.trivet.stdout).toMatch(/^unknown:\d+ \[/);
  });
});

test("hash:ip spreads those whom nobody knows, and keeps those with a port together", async () => {
  using a = new EchoOrigin();
  using b = new EchoOrigin();
  await using site = await EdgeSite.start({
    servers: [a.address, b.address],
    proxy: 'trusted_proxies = ["127.0.0.0/8"]',
    backend: 'balance = "hash:ip"',
  });
  for (let port = 1; port <= 8; port++) await site.get("/", "a.test", of(`6.6.6.6:${port}`));
  await site.get("/", "a.test", of("6.6.6.6"));
  expect([a.requests.length, b.requests.length].toSorted((x, y) => x - y)).toEqual([0, 9]);
  for (let i = 0; i < 8; i++) await site.get("/", "a.test", of("unknown"));
  expect(Math.min(a.requests.length, b.requests.length)).toBe(4);
});
