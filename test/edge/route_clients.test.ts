import { expect, test } from "bun:test";
import { until } from "../harness/until.ts";
import { EchoOrigin } from "./echo_origin.ts";
import { EdgeSite } from "./edge_site.ts";

const route = (prefix: string, keys: string, action = 'backend = "a"') =>
  `[[proxy.route]]\npath_prefix = "${prefix}"\n${action}\n${keys}\n`;
const TABLES = [
  route("/inside", 'allow = ["10.0.0.0/8", "fd00::/8"]'),
  route("/outside", 'deny = ["10.0.0.0/8", "127.0.0.0/8"]'),
  route("/both", 'allow = ["10.0.0.0/8"]\ndeny = ["10.6.6.0/24"]'),
  route("/answer", 'deny = ["10.0.0.0/8"]', 'respond = { body = "come in" }'),
  route("/quiet", 'deny = ["10.0.0.0/8"]\naccess_log = false'),
].join("");
const TRUSTING = 'trusted_proxies = ["127.0.0.0/8"]';

const of = (...chain: string[]) => chain.map((address) => `X-Forwarded-For: ${address}\r\n`).join("");

test("a trusted proxy says who the client is", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: TRUSTING, tables: TABLES });
  const cases = [
    ["/inside", of("10.1.1.1"), 200],
    ["/inside", of("6.6.6.6"), 403],
    ["/inside", "", 403],
    ["/inside", of("10.1.1.1, 6.6.6.6"), 403],
    ["/inside", of("10.1.1.1", "6.6.6.6"), 403],
    ["/inside", of("6.6.6.6", "10.1.1.1"), 200],
    ["/inside", of("fd00::1"), 200],
    ["/inside", of("::ffff:10.1.1.1"), 200],
    ["/outside", of("6.6.6.6"), 200],
    ["/outside", of("10.1.1.1"), 403],
    ["/outside", of("::ffff:10.1.1.1"), 403],
    ["/outside", of("::ffff:a01:101"), 403],
    ["/outside", "", 403],
    ["/both", of("10.1.1.1"), 200],
    ["/both", of("10.6.6.6"), 403],
    ["/both", of("11.1.1.1"), 403],
    ["/answer", of("11.1.1.1"), 200],
    ["/answer", of("10.1.1.1"), 403],
  ] as const;
  for (const [path, fields, status] of cases)
    expect([path, fields, (await edge.get(path, "a.test", fields)).status]).toEqual([path, fields, status]);
  const passed = cases.filter(([path, , status]) => status === 200 && path !== "/answer");
  expect(origin.requests).toHaveLength(passed.length);
  await until(() => edge.lines().length === cases.length, "the lines");
  const refused = edge.lines().filter(({ status }) => status === 403);
  for (const line of refused) expect(line).toMatchObject({ ended: "refused", state: "PR--" });
  expect(refused[0]).toMatchObject({ client: "6.6.6.6" });
  expect(refused[0]?.["server"] ?? null).toBeNull();
});

test("nobody else's word counts", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: TABLES });
  for (const fields of ["", of("10.1.1.1"), "X-Real-IP: 10.1.1.1\r\n", "Forwarded: for=10.1.1.1\r\n"]) {
    expect((await edge.get("/inside", "a.test", fields)).status).toBe(403);
    expect((await edge.get("/outside", "a.test", of("6.6.6.6") + fields)).status).toBe(403);
    expect((await edge.get("/answer", "a.test", fields)).status).toBe(200);
  }
  expect(origin.requests).toHaveLength(0);
});

test("refused with a body on its way: no byte of it reaches a server or counts as a request", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: TABLES });
  using client = await edge.open();
  client.send("POST /inside HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nGET /answer HTTP/1.1\r\n");
  const response = await client.response("POST");
  expect([response.status, response.headers.get("connection")]).toEqual([403, "close"]);
  expect(response.body.toString()).toContain("403");
  client.send("Host: a.test\r\n\r\n");
  await client.closed();
  expect(client.received).toHaveLength(0);
  expect(origin.requests).toHaveLength(0);
});

test("pipelined behind a refusal, and cut at every byte", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: TRUSTING, tables: TABLES });
  const ask = (path: string, client: string) => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${of(client)}\r\n`;
  const bytes = ask("/inside", "6.6.6.6") + ask("/inside", "10.1.1.1") + ask("/answer", "10.1.1.1");
  using client = await edge.open();
  for (let cut = 1; cut < bytes.length; cut++) {
    client.send(bytes.slice(0, cut));
    // So that the edge reads the two parts apart.
    await Bun.sleep(1);
    client.send(bytes.slice(cut));
    for (const status of [403, 200, 403])
      expect([cut, (await client.response()).status]).toEqual([cut, status]);
  }
  expect(origin.requests).toHaveLength(bytes.length - 1);
});

test("access_log = false writes no line, but counts", async () => {
  using origin = new EchoOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: TRUSTING, tables: TABLES });
  expect((await edge.get("/quiet", "a.test", of("6.6.6.6"))).status).toBe(200);
  expect((await edge.get("/quiet", "a.test", of("10.1.1.1"))).status).toBe(403);
  expect((await edge.get("/answer")).status).toBe(200);
  await until(() => edge.lines().length > 0, "the line");
  const metrics = await (await edge.trivet.admin("/metrics")).text();
  for (const status of ["2xx", "4xx"])
    expect(metrics).toMatch(
      new RegExp(`requests_total\\{[^}]*route="/quiet"[^}]*status="${status}"[^}]*\\} 1\\n`),
    );
  expect(await edge.trivet.stop()).toBe(0);
  expect(edge.lines().map(({ target }) => target)).toEqual(["/answer"]);
});
