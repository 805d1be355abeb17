import { expect, test } from "bun:test";
import { RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EchoOrigin } from "./echo_origin.ts";
import { EdgeSite } from "./edge_site.ts";

const TABLES = `
[[proxy.route]]
path_prefix = "/api/v1"
backend = "a"
strip_prefix = true
[[proxy.route]]
backend = "a"
strip_prefix = true
`;

test("the server gets the path without the prefix; the log keeps the client's target", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: TABLES });
  const targets = [
    ["/api/v1/x?q", "/x?q"],
    ["/api/v1", "/"],
    ["/api/v1?q", "/?q"],
    ["/api/v1//evil.test/x", "/evil.test/x"],
    ["/api/./v1/x/../y", "/y"],
    ["http://a.test/api/v1/x", "/x"],
    ["/api/v10", "/api/v10"],
    ["/other", "/other"],
    // Not ours: all that changes is what could be read as another host.
    ["//x//", "/x//"],
  ] as const;
  for (const [target, expected] of targets) {
    expect((await edge.get(target)).status).toBe(200);
    expect([target, origin.requests.at(-1)?.target]).toEqual([target, expected]);
    const prefix = target.includes("/api/") && !target.includes("v10") ? ["/api/v1"] : undefined;
    expect([target, origin.lastFields().get("x-forwarded-prefix")]).toEqual([target, prefix]);
  }
  await until(() => edge.lines().length === targets.length, "the lines");
  expect(edge.lines().map(({ target }) => target)).toEqual(
    targets.map(([target]) => target.replace("http://a.test", "")),
  );
});

test("OPTIONS * stays as it is; HTTP/1.0 and bodies go along", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: TABLES });
  using client = await edge.open();
  client.send("OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await client.response();
  expect(origin.requests.at(-1)?.target).toBe("*");
  client.send("POST /api/v1/up HTTP/1.0\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi");
  await client.response();
  expect(origin.requests.at(-1)).toMatchObject({ method: "POST", target: "/up", body: Buffer.from("hi") });
});

test("cut at every byte", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: TABLES });
  const bytes = "GET /api/v1//x HTTP/1.1\r\nHost: a.test\r\n\r\n";
  using client = await edge.open();
  for (let cut = 1; cut < bytes.length; cut++) {
    client.send(bytes.slice(0, cut));
    await Bun.sleep(1);
    client.send(bytes.slice(cut));
    expect((await client.response()).status).toBe(200);
    expect(origin.requests.at(-1)?.target).toBe("/x");
  }
});

test.each([
  ["", undefined, ["/api/v1"]],
  ['trusted_proxies = ["127.0.0.0/8"]', ["/outer/"], ["/outer/api/v1"]],
])("X-Forwarded-Prefix is believed of trusted proxies only: %j", async (proxy, kept, stripped) => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy, tables: TABLES });
  const claim = "X-Forwarded-Prefix: /outer/\r\n";
  await edge.get("/api/v1/x", "a.test", claim);
  expect(origin.lastFields().get("x-forwarded-prefix")).toEqual(stripped);
  await edge.get("/x", "a.test", claim);
  expect(origin.lastFields().get("x-forwarded-prefix")).toEqual(kept && ["/outer"]);
});

test("a retried request is stripped once", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({
    servers: ["127.0.0.1:1", origin.address],
    tables: `${TABLES}\n`,
  });
  for (let i = 0; i < 6; i++) {
    expect((await edge.get("/api/v1/api/v1/x")).status).toBe(200);
    expect(origin.requests.at(-1)?.target).toBe("/api/v1/x");
  }
});

test("a tunnel opens below the prefix, with the route's fields on the way in", async () => {
  using origin = RawOrigin.start((connection) => {
    if (!connection.received.includes("\r\n\r\n")) return;
    connection.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\nServer: s\r\n\r\n",
    );
  });
  const rules = 'headers = { request = { X-A = "1" }, response = { Server = "" } }';
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    tables: `[[proxy.route]]\npath_prefix = "/ws"\nbackend = "a"\nstrip_prefix = true\n${rules}`,
  });
  using client = await edge.open();
  client.send(
    "GET /ws/chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: raw\r\nx-a: 2\r\n\r\n",
  );
  await until(() => client.received.includes("\r\n\r\n"), "the tunnel opens");
  // A switch of protocols is between the two ends: nothing in it is changed.
  expect(client.received.toString()).toContain("Server: s\r\n");
  const asked = origin.connections.at(-1)?.received.toString() ?? "";
  expect(asked).toStartWith("GET /chat HTTP/1.1\r\n");
  expect(asked.match(/^x-a: .*$/gim)).toEqual(["X-A: 1"]);
});

test("sent again on a fresh connection, a request is stripped once and has its fields once", async () => {
  let asked = "";
  using origin = RawOrigin.start((connection, bytes) => {
    // Every second request finds a connection that the server has given up.
    if (connection.received.length > bytes.length) return connection.reset();
    asked = bytes.toString();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    tables:
      '[[proxy.route]]\npath_prefix = "/p"\nbackend = "a"\nstrip_prefix = true\nheaders.request = { X-A = "1" }',
  });
  using client = await edge.open();
  for (let i = 0; i < 10; i++) {
    client.send("GET /p/p/x HTTP/1.1\r\nHost: a.test\r\nX-A: 2\r\n\r\n");
    expect((await client.response()).status).toBe(200);
    expect(asked).toStartWith("GET /p/x HTTP/1.1\r\n");
    expect(asked.match(/^x-(?:a|forwarded-prefix): .*$/gim)).toEqual(["X-Forwarded-Prefix: /p", "X-A: 1"]);
  }
});
