import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Load } from "../harness/load.ts";
import { Origin } from "../harness/origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

const REQUESTS = 3000;

test("a line an exchange on stdout, all there after TERM, each JSON", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: "workers = 2" });
  expect(
    await Load.start({ port: edge.port, requests: REQUESTS, keepAlive: 8, fresh: 2 }).done(),
  ).toMatchObject({
    ok: REQUESTS,
  });
  // What is left is less than a pipe holds (pipe(7)): nothing depends on how soon we read it.
  await until(() => edge.lines().length > REQUESTS - 50, "most of the lines");
  expect(await edge.trivet.stop()).toBe(0);
  const lines = edge.lines();
  expect(lines).toHaveLength(REQUESTS);
  expect(new Set(lines.map(({ id }) => id)).size).toBe(REQUESTS);
});

test("a line says who asked for what, who answered, and how it went", async () => {
  await using origin = Origin.start(
    "a",
    async (request) => new Response((await request.text()).repeat(2), { status: 201 }),
  );
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  const startMs = Date.now();
  client.send('POST /x"y?q=%20 HTTP/1.1\r\nHost: a.test:81\r\nContent-Length: 5\r\n\r\nhello');
  const response = await client.response("POST");
  await until(() => edge.lines().length === 1, "the line");
  const [line = {}] = edge.lines();
  expect(line).toMatchObject({
    client: "127.0.0.1",
    method: "POST",
    host: "a.test",
    target: '/x"y?q=%20',
    status: 201,
    ended: "done",
    bytes_in: 5,
    backend: "a",
    server: origin.address,
    retries: 0,
  });
  expect(line["bytes_out"]).toBe(response.length);
  expect(Date.parse(String(line["time"]))).toBeWithin(startMs - 1000, Date.now() + 1000);
  expect(line["ms"]).toBeNumber();
  expect(line["id"]).toBeString();
});

test("the log on stderr tells the time in the same form, under the same name", async () => {
  await using edge = await EdgeSite.start({ servers: ["127.0.0.1:1"] });
  await edge.get();
  await until(() => edge.lines().length === 1, "the access line");
  const told = edge.trivet.stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { time: unknown });
  expect(told).not.toBeEmpty();
  for (const { time } of [...told, ...edge.lines()])
    expect(time).toEqual(expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/));
});

test("what went wrong is told", async () => {
  await using edge = await EdgeSite.start({ servers: ["127.0.0.1:1"], backend: "retries = 1" });
  using client = await edge.open();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  expect((await client.response()).status).toBe(502);
  client.send("GET / HTTP/1.1\r\n\r\n");
  expect((await client.response()).status).toBe(400);
  await until(() => edge.lines().length === 2, "the lines");
  const [refused = {}, bad = {}] = edge.lines();
  expect(refused).toMatchObject({ status: 502, ended: "connect_failed", retries: 1 });
  expect(bad).toMatchObject({ status: 400, ended: "refused" });
});

test("a client that leaves before its answer is a 499", async () => {
  let asked = 0;
  await using origin = Origin.start("a", () => {
    asked++;
    return new Promise<Response>(() => undefined);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await until(() => asked === 1, "the server is asked");
  client.reset();
  await until(() => edge.lines().length === 1, "the line");
  expect(edge.lines()[0]).toMatchObject({ status: 499, ended: "client_left" });
});

test("a connection without a request, and a wrong byte in a target, leave no broken line", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using empty = await edge.open();
  empty.close();
  using odd = await edge.open();
  odd.send("GET /\xff\x00\x1b[31m HTTP/1.1\r\nHost: a.test\r\n\r\n");
  expect((await odd.response()).status).toBe(400);
  expect((await edge.get(`/${"x".repeat(5000)}`)).status).toBe(200);
  await edge.trivet.stop();
  expect(edge.lines().map(({ status }) => status)).toEqual([400, 200]);
});

test("to a file, beside the config, appended to", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    proxy: 'workers = 2\naccess_log_to = "file:access.log"',
  });
  expect(await Load.start({ port: edge.port, requests: REQUESTS, keepAlive: 8 }).done()).toMatchObject({
    ok: REQUESTS,
  });
  expect(await edge.trivet.stop()).toBe(0);
  const text = readFileSync(join(edge.trivet.folder.path, "access.log"), "utf8");
  expect(edge.lines(text)).toHaveLength(REQUESTS);
  expect(edge.trivet.stdout).not.toContain('"status":200');
});

test("off is off", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: 'access_log = "off"' });
  expect((await edge.get()).status).toBe(200);
  await edge.trivet.stop();
  expect(edge.trivet.stdout).not.toContain('"status"');
});
