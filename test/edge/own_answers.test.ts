import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { until } from "../harness/until.ts";
import { EchoOrigin } from "./echo_origin.ts";
import { EdgeSite } from "./edge_site.ts";
import { readStrictResponse } from "./strict_parser.ts";

const TABLES = `
[[proxy.route]]
backend = "a"
[[proxy.route]]
path_prefix = "/origin"
redirect = { to = "https://new.test:8443", status = 301 }
[[proxy.route]]
host = "any.test"
redirect = { to = "https://new.test" }
[[proxy.route]]
path_prefix = "/page"
redirect = { to = "https://new.test/here?a=b", status = 308 }
[[proxy.route]]
path_prefix = "/moved"
redirect = { to = "https://new.test", status = 307 }
strip_prefix = true
[[proxy.route]]
path_prefix = "/hello"
respond = { body = "hello" }
[[proxy.route]]
path_prefix = "/nothing"
respond = { status = 204 }
[[proxy.route]]
path_prefix = "/json"
respond = { status = 410, body = '{"gone":true}' }
headers.response = { Content-Type = "application/json", X-Set = "yes" }
`;
const PLAIN = { origin: "/origin/x?y=1" };

const origin = new EchoOrigin();
let edge: EdgeSite;

beforeAll(async () => {
  edge = await EdgeSite.start({
    servers: [origin.address],
    proxy: "[proxy.limits]\nbody = '1KiB'",
    tables: TABLES,
  });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  origin[Symbol.dispose]();
});

describe("a redirect", () => {
  test.each([
    ["a.test", "/origin", "https://new.test:8443/origin", 301],
    ["a.test", PLAIN.origin, `https://new.test:8443${PLAIN.origin}`, 301],
    ["a.test", "/origin//evil.test/%0d%0aX:y", "https://new.test:8443/origin//evil.test/%0d%0aX:y", 301],
    ["a.test", "http://a.test/origin/x?y", "https://new.test:8443/origin/x?y", 301],
    ["any.test", "http://any.test", "https://new.test/", 302],
    ["any.test", "http://any.test?q", "https://new.test/?q", 302],
    ["any.test", "//evil.test", "https://new.test/evil.test", 302],
    ["a.test", "/page/x?y", "https://new.test/here?a=b", 308],
    ["a.test", "/moved/x?y", "https://new.test/x?y", 307],
    ["a.test", "/moved", "https://new.test/", 307],
    ["a.test", "/moved//evil.test", "https://new.test/evil.test", 307],
  ])("%s %s goes to %s", async (host, target, location, status) => {
    const response = await edge.get(target, host);
    expect([response.status, response.headers.get("location")]).toEqual([status, location]);
    expect(response.headers.get("content-length")).toBe("0");
  });

  test("OPTIONS * goes to the root", async () => {
    using client = await edge.open();
    client.send("OPTIONS * HTTP/1.1\r\nHost: any.test\r\n\r\n");
    expect((await client.response()).headers.get("location")).toBe("https://new.test/");
  });

  test.each(["/origin/a\rb", "/origin/a\nLocation: /evil", "/origin/\x00", "/origin/\x7f", "/origin/\xe9"])(
    "%j never comes to a Location",
    async (target) => {
      const response = await edge.get(target);
      expect(response.status).toBe(400);
      expect(response.head).not.toMatch(/location/i);
    },
  );
});

describe("respond", () => {
  test("says the body", async () => {
    const { status, headers, body } = await edge.get("/hello/x");
    expect([status, headers.get("content-type"), body.toString()]).toEqual([
      200,
      "text/plain; charset=utf-8",
      "hello",
    ]);
  });

  test("without a body where the status has none", async () => {
    const { status, head } = await edge.get("/nothing");
    expect(status).toBe(204);
    expect(head).not.toMatch(/content-|transfer-/i);
  });

  test("with fields of the route in place of ours", async () => {
    const { status, headers, body } = await edge.get("/json");
    expect([status, headers.get("content-type"), headers.get("x-set")]).toEqual([
      410,
      "application/json",
      "yes",
    ]);
    expect(body.toString()).toBe('{"gone":true}');
  });
});

describe("the connection stays in step", () => {
  test("HEAD gets the head alone, and the next answer follows it", async () => {
    using client = await edge.open();
    for (const target of ["/hello", "/origin", "/json"]) {
      client.send(`HEAD ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
      await client.response("HEAD");
      client.send("GET /hello HTTP/1.1\r\nHost: a.test\r\n\r\n");
      expect((await client.response()).body.toString()).toBe("hello");
    }
  });

  test("pipelined among requests to servers, answered in order", async () => {
    using client = await edge.open();
    const targets = ["/origin/1", "/x", "/hello", "/nothing", "/page", "/y", "/json", "/origin/2"];
    client.send(
      targets
        .map((target) => `GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`)
        .join("")
        .repeat(50),
    );
    for (let i = 0; i < 50; i++) {
      const statuses = [];
      for (const _ of targets) statuses.push((await client.response()).status);
      expect(statuses).toEqual([301, 200, 200, 204, 308, 200, 410, 301]);
    }
  });

  test("cut at every byte, a body too", async () => {
    const bytes =
      "POST /origin/x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabcGET /hello HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
    const bodyAt = bytes.indexOf("abc") + "abc".length;
    for (let cut = 1; cut < bytes.length; cut++) {
      using client = await edge.open();
      client.send(bytes.slice(0, cut));
      // Each part must come alone, but for what can't be answered before it is whole.
      if (cut >= bodyAt) await until(() => client.received.includes("301"), "the redirect");
      else await Bun.sleep(1);
      client.send(bytes.slice(cut));
      const first = await client.response("POST");
      expect([cut, first.status]).toEqual([cut, 301]);
      // Answered before its body was there: the connection ends, and what follows is not read as a request.
      if (first.headers.get("connection") === "close") {
        await client.closed();
        expect(client.received).toHaveLength(0);
      } else expect((await client.response()).body.toString()).toBe("hello");
    }
  });

  test.each([
    ["Content-Length: 5", "hello"],
    ["Transfer-Encoding: chunked", "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n"],
  ])("a body that came along is read, and the next request answered: %s", async (field, body) => {
    using client = await edge.open();
    for (const target of ["/origin", "/hello", "/page"])
      client.send(`POST ${target} HTTP/1.1\r\nHost: a.test\r\n${field}\r\n\r\n${body}`);
    client.send("GET /last HTTP/1.1\r\nHost: a.test\r\n\r\n");
    for (const status of [301, 200, 308, 200]) expect((await client.response("POST")).status).toBe(status);
  });

  test("an upload still on its way is answered at once, and nothing of it is taken for a request", async () => {
    using client = await edge.open();
    client.send("POST /origin HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    const response = await client.response("POST");
    expect([response.status, response.headers.get("connection")]).toEqual([301, "close"]);
    client.send("1f\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n0\r\n\r\n");
    await client.closed();
    expect(client.received).toHaveLength(0);
    expect(origin.requests.some(({ target }) => target.includes("smuggled"))).toBe(false);
  });

  test("Expect: 100-continue is answered with the final status alone", async () => {
    using client = await edge.open();
    client.send("PUT /origin HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    const response = await client.response("PUT");
    expect([response.status, response.headers.get("connection")]).toEqual([301, "close"]);
  });

  test.each([
    ["a broken chunk", "Transfer-Encoding: chunked", "zz\r\n", 400],
    ["more than limits.body", "Transfer-Encoding: chunked", `800\r\n${"x".repeat(2048)}\r\n0\r\n\r\n`, 413],
    ["a length over limits.body", "Content-Length: 2048", "", 413],
  ])("%s is refused here too", async (_, field, body, status) => {
    using client = await edge.open();
    client.send(`POST /hello HTTP/1.1\r\nHost: a.test\r\n${field}\r\n\r\n${body}GET /after HTTP/1.1\r\n\r\n`);
    const response = await client.response("POST");
    expect([response.status, response.headers.get("connection")]).toEqual([status, "close"]);
    await client.closed();
    expect(client.received).toHaveLength(0);
  });

  test("HTTP/1.0 closes, unless it asked to stay", async () => {
    using client = await edge.open();
    client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /origin HTTP/1.0\r\n\r\n");
    const first = await client.response();
    expect([first.headers.get("connection"), first.body.toString()]).toEqual(["keep-alive", "hello"]);
    expect((await client.response()).headers.get("location")).toBe("https://new.test:8443/origin");
    await client.closed();
  });

  test("every answer is one that a strict reader takes", async () => {
    using client = await edge.open();
    for (const target of ["/origin/x", "/page", "/hello", "/nothing", "/json"]) {
      client.send(`GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
      await until(() => readStrictResponse(client.received, false, "GET") !== undefined, target);
      await client.response();
    }
  });
});

test("the log has no server for them, and ends as HAProxy's redirects do", async () => {
  await using own = await EdgeSite.start({ servers: [origin.address], tables: TABLES });
  for (const target of ["/origin", "/hello"]) await own.get(target);
  await until(() => own.lines().length === 2, "the lines");
  for (const line of own.lines()) {
    expect(line).toMatchObject({ ended: "done", state: "LR--" });
    expect(line).not.toHaveProperty("server");
  }
});

test("a large answer waits for a slow reader, pipelined behind itself; one that leaves is let go", async () => {
  const body = "x".repeat(400_000);
  const tables = `[[proxy.route]]\nrespond = { body = "${body}" }`;
  await using own = await EdgeSite.start({ servers: [origin.address], tables });
  using client = await own.open();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".repeat(40));
  for (let i = 0; i < 40; i++) expect((await client.response()).body).toHaveLength(body.length);
  using leaver = await own.open();
  leaver.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".repeat(40));
  await leaver.arrived(1);
  leaver.reset();
  expect((await own.get()).status).toBe(200);
  const openNow = async () =>
    /trivet_proxy_connections_open (\d+)/.exec(await (await own.trivet.admin("/metrics")).text())?.[1];
  client.close();
  await until(async () => (await openNow()) === "0", "no connection is left");
});
