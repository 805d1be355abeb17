import { expect, test } from "bun:test";
import { runTrivet } from "../harness/command.ts";
import { Folder } from "../harness/folder.ts";
import { RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EchoOrigin } from "./echo_origin.ts";
import { EdgeSite } from "./edge_site.ts";
import { readStrictResponse } from "./strict_parser.ts";

const TABLES = `
[[proxy.route]]
backend = "a"
[proxy.route.headers.request]
X-Set = "by the edge"
Cookie = ""
Host = "inner.test:81"
x-user = "nobody"
[proxy.route.headers.response]
Strict-Transport-Security = "max-age=1"
Server = ""
Set-Cookie = ""
X-Powered-By = "Trivet"
[[proxy.route]]
path_prefix = "/plain"
backend = "a"
`;

const ANSWER = [
  "HTTP/1.1 200 OK",
  "server: a",
  "X-POWERED-BY: b",
  "SERVER: c",
  "set-Cookie: d=e",
  "Set-Cookie: f=g",
  "Keep: me",
  "x-powered-by: h",
  "Content-Length: 2",
  "",
  "ok",
].join("\r\n");

test("requests: set, replaced and removed in whatever case and however often, Host too", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: TABLES });
  const sent =
    "cookie: a=b\r\nX-USER: root\r\nCOOKIE: c=d\r\nX-User: admin\r\nx-set: client\r\nX-Set-2: stays\r\n";
  for (const fields of [sent, `${sent}Connection: X-User, X-Set\r\n`]) {
    expect((await edge.get("/", "a.test", fields)).status).toBe(200);
    const got = origin.lastFields();
    expect(got.get("x-set")).toEqual(["by the edge"]);
    expect(got.get("x-user")).toEqual(["nobody"]);
    expect(got.get("cookie")).toBeUndefined();
    expect(got.get("host")).toEqual(["inner.test:81"]);
    expect(got.get("x-forwarded-host")).toEqual(["a.test"]);
    expect(got.get("x-set-2")).toEqual(["stays"]);
  }
  expect((await edge.get("/plain", "a.test", sent)).status).toBe(200);
  expect(origin.lastFields().get("host")).toEqual(["a.test"]);
  expect(origin.lastFields().get("cookie")).toEqual(["a=b", "c=d"]);
});

test("requests: a name with an underscore for a hyphen is the same name to CGI, WSGI and Rack, and goes too", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    tables:
      '[[proxy.route]]\nbackend = "a"\nheaders.request = { X-Auth-User = "", X-Role = "guest", x_team_name = "none" }',
  });
  const forged = [
    "X-Auth-User",
    "X_Auth_User",
    "x_auth-user",
    "X-AUTH_USER",
    "X_Role",
    "x-role",
    "X-Team-Name",
  ];
  const kept = "X-Auth: 1\r\nX_Auth_User_2: 2\r\nXAuthUser: 3\r\n";
  await edge.get("/", "a.test", kept + forged.map((name) => `${name}: root\r\n`).join(""));
  const got = [...origin.lastFields()].filter(([name]) => /^x.?(?:auth|role|team)/.test(name));
  expect(got).toEqual([
    ["x-auth", ["1"]],
    ["x_auth_user_2", ["2"]],
    ["xauthuser", ["3"]],
    ["x-role", ["guest"]],
    ["x_team_name", ["none"]],
  ]);
});

test.each([
  "GET http://a.test/x HTTP/1.1\r\nHost: a.test",
  "GET http://a.test/x HTTP/1.0",
  "GET /x HTTP/1.0",
])("%j has the Host of the route, once", async (head) => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: TABLES });
  using client = await edge.open();
  client.send(`${head}\r\n\r\n`);
  expect((await client.response()).status).toBe(200);
  expect(origin.lastFields().get("host")).toEqual(["inner.test:81"]);
});

test("responses: the same, with the body in step", async () => {
  using origin = new EchoOrigin(ANSWER);
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: TABLES });
  using client = await edge.open();
  for (let i = 0; i < 3; i++) {
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await until(() => readStrictResponse(client.received, false, "GET") !== undefined, "the answer");
    const { head, headers, body } = await client.response();
    expect(body.toString()).toBe("ok");
    expect([
      headers.get("x-powered-by"),
      headers.get("strict-transport-security"),
      headers.get("keep"),
    ]).toEqual(["Trivet", "max-age=1", "me"]);
    expect(head).not.toMatch(/server|set-cookie/i);
    client.send("GET /plain HTTP/1.1\r\nHost: a.test\r\n\r\n");
    expect((await client.response()).head).toContain("server: a");
  }
});

test("interim responses pass as they are; the answer after them does not", async () => {
  using origin = RawOrigin.start((connection) => {
    connection.send(`HTTP/1.1 103 Early Hints\r\nServer: early\r\n\r\n${ANSWER}`);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: TABLES });
  using client = await edge.open();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await until(() => client.received.includes("ok"), "the answer");
  const [, interim = "", final = ""] = client.received.toString("latin1").split("HTTP/1.1 ");
  expect(interim).toBe("103 Early Hints\r\nServer: early\r\n\r\n");
  expect(final).toContain("X-Powered-By: Trivet\r\n");
});

test("a chunked answer cut at every byte; one to HEAD, one to HTTP/1.0", async () => {
  const chunked = ANSWER.replace("Content-Length: 2", "Transfer-Encoding: chunked").replace(
    /ok$/,
    "2\r\nok\r\n0\r\n\r\n",
  );
  let cut = 1;
  using origin = RawOrigin.start((connection, bytes) => {
    if (bytes.includes("HEAD ")) return connection.send(chunked.slice(0, chunked.indexOf("\r\n\r\n") + 4));
    connection.send(chunked.slice(0, cut));
    setTimeout(() => connection.send(chunked.slice(cut)), 1);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: TABLES });
  using client = await edge.open();
  for (; cut < chunked.length; cut++) {
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    const { headers, body } = await client.response();
    expect([cut, headers.get("x-powered-by"), body.toString()]).toEqual([cut, "Trivet", "ok"]);
  }
  client.send("HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  expect((await client.response("HEAD")).headers.get("x-powered-by")).toBe("Trivet");
  client.send("GET / HTTP/1.0\r\n\r\n");
  const old = await client.response();
  expect([old.headers.get("x-powered-by"), old.body.toString()]).toEqual(["Trivet", "ok"]);
});

test("as much as a route may set has room in the largest heads", async () => {
  using origin = new EchoOrigin(ANSWER.replace("Keep: me", `Keep: ${"k".repeat(60_000)}`));
  const large = `X-Large = "${"x".repeat(8000)}"\nX-Larger = "${"y".repeat(8000)}"`;
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    proxy: '[proxy.limits]\nhead = "200KiB"\ntarget = "64KiB"',
    tables: `[[proxy.route]]\npath_prefix = "/strip"\nstrip_prefix = true\nbackend = "a"\n[proxy.route.headers.request]\n${large}\n[proxy.route.headers.response]\n${large}\n`,
  });
  const { headers } = await edge.get(
    `/strip/${"p".repeat(60_000)}`,
    "a.test",
    `X-Own: ${"z".repeat(100_000)}\r\n`,
  );
  expect(headers.get("x-larger")).toHaveLength(8000);
  expect(headers.get("keep")).toHaveLength(60_000);
  expect(origin.lastFields().get("x-larger")?.join()).toHaveLength(8000);
  expect(origin.lastFields().get("x-own")?.join()).toHaveLength(100_000);
});

test.each([
  ['request = { X-A = "a\\r\\nX-B: b" }', "headers.request"],
  ['request = { "X-A: 1\\r\\nX-B" = "b" }', "name of a field"],
  ['request = { Content-Length = "0" }', "Content-Length can't be set"],
  ['response = { Transfer-Encoding = "chunked" }', "Transfer-Encoding can't be set"],
  ['response = { connection = "" }', "connection can't be set"],
  ['request = { Host = "" }', "Host must be"],
  ['request = { X-Forwarded-For = "1.1.1.1" }', "the edge writes it"],
  ['request = { x_forwarded_for = "1.1.1.1" }', "the edge writes it"],
  ['request = { Content_Length = "0" }', "Content_Length can't be set"],
])("what could split or frame a message is a fault of the file: %s", async (line, sentence) => {
  const config = `[[proxy.route]]\nbackend = "serve:"\nheaders = { ${line} }\n`;
  await using folder = await Folder.make({ "trivet.toml": config, "app.ts": "" });
  const { code, stderr } = await runTrivet(["check", "-c", "trivet.toml"], { cwd: folder.path });
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^trivet\.toml:3: /)]);
  expect(stderr).toContain(sentence);
});
