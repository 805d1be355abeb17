import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { posix } from "node:path";
import fc from "fast-check";
import { Origin } from "../harness/origin.ts";
import type { RawResponse } from "../harness/raw_response.ts";
import { until } from "../harness/until.ts";
import { EchoOrigin } from "./echo_origin.ts";
import { EdgeSite } from "./edge_site.ts";
import { Nginx } from "./nginx.ts";

/** Requests that are for the route of /admin or of internal.example say so to the server. */
const route = (host: string, prefix: string, backend: string, keys = "") =>
  `[[proxy.route]]\nhost = "${host}"\npath_prefix = "${prefix}"\nbackend = "${backend}"\n${keys}\n`;
const INNER = 'headers.request = { X-Seen = "inner" }';
const CLOSED = 'deny = ["0.0.0.0/0", "::/0"]';

const echo = new EchoOrigin();
/** Each says of a request whether our route was the inner one, and the path as it understands it. */
const bun = Origin.start(
  "bun",
  ({ headers, url }) => new Response(`${headers.get("x-seen") ?? "open"} ${new URL(url).pathname}`),
);
let nginx: Nginx;
let edge: EdgeSite;

beforeAll(async () => {
  nginx = await Nginx.start('location / { return 200 "$http_x_seen $uri"; }');
  edge = await EdgeSite.start({
    servers: [echo.address],
    proxy: 'health.path = "/health"',
    tables: [
      ...["bun.test", "nginx.test"].flatMap((host) => {
        const [backend = ""] = host.split(".");
        return [
          route(host, "/", backend, 'headers.request = { X-Seen = "open" }'),
          route(host, "/admin", backend, INNER),
        ];
      }),
      route("open.test", "/", "a"),
      route("open.test", "/admin", "a", CLOSED),
      route("open.test", "/strip", "a", "strip_prefix = true"),
      route("open.test", "/pub", "a"),
      route("open.test", "/deep/er", "a", "strip_prefix = true"),
      route("open.test", "/deep", "a", CLOSED),
      route("open.test", "/deep/public", "a"),
      route("open.test", "/caf\u00e9", "a", CLOSED),
      '[[proxy.route]]\nhost = "open.test"\npath_prefix = "/old"\nstrip_prefix = true\nredirect = { to = "https://new.test" }\n',
      '[[proxy.route]]\nhost = "open.test"\npath_prefix = "/moved"\nredirect = { to = "https://new.test" }\n',
      route("internal.example.", "/", "a", CLOSED),
      route("[2001:DB8:0::1]", "/", "a", CLOSED),
      route("192.0.2.1", "/", "a", CLOSED),
      '[[proxy.route]]\nbackend = "a"\n',
      `[backend.bun]\nservers = ["${bun.address}"]\n[backend.nginx]\nservers = ["${nginx.address}"]\n`,
    ].join(""),
  });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await nginx[Symbol.asyncDispose]();
  await bun[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

const get = (target: string, host = "open.test"): Promise<RawResponse> => edge.get(target, host);

/** What the server was asked for last. */
async function sent(target: string, host?: string): Promise<string | undefined> {
  expect([target, (await get(target, host)).status]).toEqual([target, 200]);
  return echo.requests.at(-1)?.target;
}

describe("a route is for all spellings of its prefix", () => {
  test.each([
    "/admin",
    "/admin/",
    "/admin?x",
    "/admin/../admin",
    "/x/../admin",
    "/./admin",
    "/.//admin",
    "/%2e/admin",
    "/x/%2e%2e/admin",
    "/x/%2E%2e/admin",
    "/x/.%2e/admin",
    "/x/y/../../admin/z",
    "/x//../../admin",
    "/../admin",
    "/../../x/../admin/",
    "//admin",
    "///admin//x",
    "/x/..//admin",
    "/%61dmin",
    "/%61%64%6D%69%6e/x",
    "/admin/.",
    "/admin/x/..",
    "/caf%C3%A9",
    "/caf%c3%a9/x",
    "/c%61f%c3%A9",
    "http://open.test/x/../admin",
    "http://open.test//admin",
    "http://open.test/%61dmin",
  ])("%s is refused", async (target) => {
    const before = echo.requests.length;
    expect((await get(target)).status).toBe(403);
    expect(echo.requests).toHaveLength(before);
  });

  test.each([
    "/administration",
    "/Admin",
    "/x/admin",
    "/admin/..",
    "/admin/../x",
    "/admin%3Fx",
    "/%2561dmin",
    "/x?/../admin",
    "/?/admin",
    "/admin;x",
    "/.admin",
    "/..admin",
    "/.../admin",
  ])("%s is another path", async (target) => {
    expect((await get(target)).status).toBe(200);
  });
});

describe("what no two servers agree on is refused", () => {
  test.each([
    "/x/..\\admin",
    "/\\admin",
    "/a\\b",
    "\\admin",
    "http://open.test\\@a.test/",
    "/%00",
    "/admin%00x",
    "/x/%2e%2e%00/admin",
    "/%",
    "/%z",
    "/%zz",
    "/%4",
    "/x%u0061",
    // A server that takes an escaped slash for a slash would be at /admin.
    "/admin%2fx",
    "/admin%2Fx",
    "/%2fadmin",
    "/x%2f..%2fadmin",
    "/x/..%2fadmin",
    "/x%5c..%5cadmin",
    "/admin%5Cx",
    "/strip%2fx",
    // Or it has dots to resolve, and may not do so.
    "/admin%2f..",
    "/admin%2F..%2Fadmin",
    "/moved%5c..%5cx",
    // And here it would leave /admin.
    "/moved/..%2fx",
  ])("%s", async (target) => {
    const before = echo.requests.length;
    expect((await get(target)).status).toBe(400);
    expect(echo.requests).toHaveLength(before);
  });

  test("nothing behind it is read, and the log tells the target", async () => {
    using client = await edge.open();
    client.send(
      "GET /logged\\x HTTP/1.1\r\nHost: open.test\r\n\r\nGET /next HTTP/1.1\r\nHost: open.test\r\n\r\n",
    );
    const before = echo.requests.length;
    const response = await client.response();
    expect([response.status, response.headers.get("connection")]).toEqual([400, "close"]);
    await client.closed();
    expect(client.received).toHaveLength(0);
    expect(echo.requests).toHaveLength(before);
    const find = () => edge.lines().find(({ target }) => target === "/logged\\x");
    await until(() => find() !== undefined, "the line");
    expect(find()).toMatchObject({ status: 400, ended: "refused", client: "127.0.0.1" });
  });
});

describe("the server is sent the path that the route was found by", () => {
  test.each([
    ["/", "/"],
    ["/x/../y/./z?q=/../%61", "/y/z?q=/../%61"],
    ["/%7Euser/%41%2d%2e%5F", "/~user/A-._"],
    ["/admin/..", "/"],
    ["/x/y/..", "/x/"],
    ["/x/.", "/x/"],
    ["/..", "/"],
    // A server for which slashes count would be in another route: it is told of one.
    ["//pub//x", "/pub/x"],
    // Many resolve what they get against their own address, and would find another host and the path behind it.
    ["//a/b//", "/a/b//"],
    ["//x/admin", "/x/admin"],
    ["/.//x/admin", "/x/admin"],
    ["/y/%2e%2e///x.y:80/admin?//z", "/x.y:80/admin?//z"],
    ["http://open.test//x/admin", "/x/admin"],
    ["/deep//public/%c3%a9?a//b", "/deep/public/%c3%a9?a//b"],
    ["http://open.test/x/../y", "/y"],
    ["http://open.test/%61?%61", "/a?%61"],
  ])("%s as %s", async (target, expected) => {
    expect(await sent(target)).toBe(expected);
  });

  test.each([
    "/a//b",
    "/pub//b/https://example.com//",
    "/caf%c3%a8/%E2%82%ac",
    "/x%2fy/%2F",
    "/x%5cy",
    "/x/..%2f..%2Fy%5c.",
    "/a;b=c;d/e;f",
    "/.well-known/x",
    "/a..b/...",
    "/%20%3f%23%25",
    "/x?a=%zz&b=\\&c=%00&d=../..",
    "/web/https://example.com/",
  ])("%s as it came", async (target) => {
    expect(await sent(target)).toBe(target);
  });

  test("OPTIONS * has no path", async () => {
    using client = await edge.open();
    client.send("OPTIONS * HTTP/1.1\r\nHost: open.test\r\n\r\n");
    expect((await client.response()).status).toBe(200);
    expect(echo.requests.at(-1)?.target).toBe("*");
  });

  test.each([
    ["/strip/x/../y?q", "/y?q"],
    ["/x/../strip/y", "/y"],
    ["//strip//y", "/y"],
    ["/deep//er/y", "/y"],
    ["/deep/er//y//z", "/y//z"],
    ["/%73trip/a%2fb", "/a%2fb"],
    ["/strip/..", "/"],
    ["/strip/.", "/"],
    ["/strip/./..//evil.test", "/evil.test"],
    ["/strip/%2e%2e/strip/%7E", "/~"],
    ["http://open.test/./strip/y", "/y"],
  ])("without the prefix that it has in any spelling: %s as %s", async (target, expected) => {
    expect(await sent(target)).toBe(expected);
  });

  test.each([
    ["/moved/../moved/x?q", "https://new.test/moved/x?q"],
    ["/moved//x", "https://new.test/moved//x"],
    ["/x/../old/%61?%61", "https://new.test/a?%61"],
    ["//old//x", "https://new.test/x"],
  ])("and so is a redirect: %s to %s", async (target, location) => {
    const response = await get(target);
    expect([response.status, response.headers.get("location")]).toEqual([302, location]);
  });

  test("of a retry and of a body too", async () => {
    using client = await edge.open();
    client.send(
      "POST /x/../%79 HTTP/1.0\r\nHost: open.test\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi",
    );
    expect((await client.response()).status).toBe(200);
    expect(echo.requests.at(-1)).toMatchObject({ method: "POST", target: "/y", body: Buffer.from("hi") });
  });

  test("cut at every byte", async () => {
    const bytes = "GET /x/%2e%2e/%79 HTTP/1.1\r\nHost: open.test\r\n\r\n";
    using client = await edge.open();
    for (let cut = 1; cut < bytes.length; cut++) {
      client.send(bytes.slice(0, cut));
      await Bun.sleep(1);
      client.send(bytes.slice(cut));
      expect((await client.response()).status).toBe(200);
      expect(echo.requests.at(-1)?.target).toBe("/y");
    }
  });
});

test("where one route has everything, no path decides, and each goes on as it came", async () => {
  using origin = new EchoOrigin();
  await using site = await EdgeSite.start({ servers: [origin.address], proxy: 'health.path = "/health"' });
  for (const target of ["/x/../y/./z//%61", "//%2e%2e", "/x%2f..%2Fy%5c", "/?/../", "/caf%c3%a9"]) {
    expect([target, (await site.get(target)).status]).toEqual([target, 200]);
    expect(origin.requests.at(-1)?.target).toBe(target);
  }
  for (const target of ["/x\\y", "/%00", "/%zz"])
    expect([target, (await site.get(target)).status]).toEqual([target, 400]);
  expect((await site.get("/x/../%68ealth")).body.toString()).toBe("OK");
});

test("the log has what the client sent, and the path where that is another", async () => {
  await get("/logged/./%61?q");
  await get("/logged/plain//?q");
  const find = (target: string) => edge.lines().find((line) => line["target"] === target);
  await until(() => find("/logged/plain//?q") !== undefined, "the lines");
  expect(find("/logged/./%61?q")).toMatchObject({ path: "/logged/a" });
  expect(find("/logged/plain//?q")).not.toHaveProperty("path");
});

test("the edge's own health path too", async () => {
  for (const target of ["/health", "/health?x", "/x/../health", "/%68ealth"])
    expect([target, (await get(target)).body.toString()]).toEqual([target, "OK"]);
});

describe("a route is for all spellings of its host", () => {
  test.each([
    "internal.example",
    "internal.example.",
    "INTERNAL.Example.:8080",
    "[2001:db8::1]",
    "[2001:0DB8::0.0.0.1]:80",
    "[2001:db8:0:0:0:0:0:1]",
    "192.0.2.1",
    "192.0.2.1.",
    "192.0.513",
    "0xC0.0.2.1",
    "3221225985",
    "0300.0.02.01",
  ])("%s is refused", async (host) => {
    const before = echo.requests.length;
    expect((await get("/", host)).status).toBe(403);
    expect(echo.requests).toHaveLength(before);
  });

  test.each([
    "internal%2eexample",
    "intern%61l.example",
    "internal.example..",
    ".internal.example",
    "internal..example",
    ".",
    ".:80",
    "%41",
  ])("%s is no host", async (host) => {
    expect((await get("/", host)).status).toBe(400);
  });

  test("an absolute target counts, in any spelling", async () => {
    using client = await edge.open();
    client.send("GET http://INTERNAL.example./ HTTP/1.1\r\nHost: internal.EXAMPLE.\r\n\r\n");
    expect((await client.response()).status).toBe(403);
    client.send("GET http://intern%61l.example/ HTTP/1.1\r\nHost: intern%61l.example\r\n\r\n");
    expect((await client.response()).status).toBe(400);
  });

  test("the server is told the host as the client wrote it", async () => {
    for (const host of ["Other.Test.", "[::0:1]:80", "other.test.:80"]) {
      await sent("/", host);
      expect(echo.lastFields().get("host")).toEqual([host]);
      expect(echo.lastFields().get("x-forwarded-host")).toEqual([host]);
    }
  });
});

describe("what we decided by is what servers understand", () => {
  const piece = fc.constantFrom(
    ..."/ / // . .. admin admin x %2e %2E%2e .%2e %2f %2F %5c \\ %61dmin adm%69n %41dmin ;a ; %3b %00 %zz % %25 %252e %252f ? ?/admin # .admin admin.. %20 %c3%a9 ~ : @".split(
      " ",
    ),
  );
  const target = fc
    .array(piece, { minLength: 1, maxLength: 8 })
    .map((pieces) => `/${pieces.join("")}`)
    .filter((text) => !text.includes("#"));

  /** As WSGI, CGI and PSGI have it: every escape is decoded, and nothing else is done. */
  const decoded = (path: string) =>
    path.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    );
  const isInner = (path: string) => path === "/admin" || path.startsWith("/admin/");
  const merged = (path: string) => path.replace(/\/+/g, "/");

  /** As it was decided and as the server reads it, in one word each; undefined when it was refused. */
  async function readings(host: string, text: string): Promise<{ seen: string; path: string } | undefined> {
    const response = await get(text, host);
    if (response.status === 400) return undefined;
    expect(response.status).toBe(200);
    const [, seen = "", path = ""] = /^(\S+) (.*)$/s.exec(response.body.toString()) ?? [];
    return { seen, path };
  }

  test("new URL(), and servers that decode all, resolve dots then or not, and count several slashes as one or not", async () => {
    let passed = 0;
    const property = fc.asyncProperty(target, async (text) => {
      const read = await readings("bun.test", text);
      if (!read) return;
      passed++;
      const inner = read.seen === "inner";
      const plain = decoded(read.path);
      for (const path of [read.path, merged(read.path), plain, merged(plain), posix.normalize(plain)])
        expect([text, path, isInner(path)]).toEqual([text, path, inner]);
    });
    await fc.assert(property, { numRuns: 500 });
    expect(passed).toBeGreaterThan(50);
  });

  test("nginx", async () => {
    let passed = 0;
    const property = fc.asyncProperty(target, async (text) => {
      const read = await readings("nginx.test", text);
      if (!read) return;
      passed++;
      expect([text, read.path, isInner(read.path)]).toEqual([text, read.path, read.seen === "inner"]);
    });
    await fc.assert(property, { numRuns: 500 });
    expect(passed).toBeGreaterThan(50);
  });
});
