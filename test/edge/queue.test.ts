import { expect, test } from "bun:test";
import { type OriginConnection, RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";

/** An origin that answers when told to; the paths asked, in order, with the connection each came on. */
function patient() {
  const asked: { path: string; connection: OriginConnection }[] = [];
  const origin = RawOrigin.start((connection, bytes) => {
    const path = /^\w+ (\S+)/.exec(bytes.toString("latin1"))?.[1];
    if (path) asked.push({ path, connection });
  });
  const answer = (path: string) => {
    const found = asked.find((request) => request.path === path);
    if (!found) throw new Error(`${path} was not asked`);
    found.connection.send(OK);
  };
  return { origin, asked, answer, paths: () => asked.map(({ path }) => path) };
}

async function ask(edge: EdgeSite, path: string, method = "GET", body = "") {
  const connection = await edge.open();
  const length = body ? `Content-Length: ${body.length}\r\n` : "";
  connection.send(`${method} ${path} HTTP/1.1\r\nHost: a.test\r\n${length}\r\n${body}`);
  return connection;
}

const queueLength = async (edge: EdgeSite) =>
  /trivet_proxy_queue_length\{backend="a"\} (\d+)/.exec(
    await (await edge.trivet.admin("/metrics")).text(),
  )?.[1];

const start = (servers: { address: string; max_connections: number }[], queue = "10m") =>
  EdgeSite.start({ servers, proxy: `timeouts.queue = "${queue}"` });

test("a full server is asked nothing more; those that wait have their turn in order", async () => {
  const { origin, answer, paths } = patient();
  using _ = origin;
  await using edge = await start([{ address: origin.address, max_connections: 2 }]);
  const clients = [];
  for (const path of ["/1", "/2", "/3", "/4", "/5"]) {
    clients.push(await ask(edge, path));
    const waiting = String(Math.max(0, clients.length - 2));
    await until(async () => (await queueLength(edge)) === waiting, `${path}: ${waiting} wait`);
  }
  await until(() => paths().length === 2, "two are asked");
  for (const [i, path] of ["/1", "/2", "/3", "/4", "/5"].entries()) {
    await until(() => paths().includes(path), `${path} is asked`);
    await until(() => paths().length >= Math.min(5, i + 2), "another one for each that was answered");
    expect(paths().length).toBe(Math.min(5, i + 2));
    answer(path);
    expect((await clients[i]?.response())?.status).toBe(200);
  }
  expect(paths()).toEqual(["/1", "/2", "/3", "/4", "/5"]);
  expect(origin.connections.length).toBe(2);
  expect(await queueLength(edge)).toBe("0");
  for (const client of clients) client.close();
});

test("whichever server has room first takes the one that waits", async () => {
  const [a, b] = [patient(), patient()];
  using _a = a.origin;
  using _b = b.origin;
  await using edge = await start([
    { address: a.origin.address, max_connections: 1 },
    { address: b.origin.address, max_connections: 1 },
  ]);
  const clients = [await ask(edge, "/1"), await ask(edge, "/2"), await ask(edge, "/3")];
  await until(() => a.asked.length === 1 && b.asked.length === 1, "both are asked");
  await until(async () => (await queueLength(edge)) === "1", "one waits");
  b.answer(b.paths()[0] ?? "");
  await until(() => b.asked.length === 2, "the one that waited is with b");
  expect(a.asked.length).toBe(1);
  for (const client of clients) client.close();
});

test("who waits too long gets 503, and the log says why", async () => {
  const { origin, paths } = patient();
  using _ = origin;
  await using edge = await start([{ address: origin.address, max_connections: 1 }], "200ms");
  using first = await ask(edge, "/1");
  await until(() => paths().length === 1, "the first is asked");
  using second = await ask(edge, "/2");
  const response = await second.response();
  expect(response.status).toBe(503);
  expect(response.body.toString()).toContain("no server had room in time");
  await until(() => edge.lines().length === 1, "a line");
  expect(edge.lines()[0]).toMatchObject({ status: 503, ended: "queue_timeout" });
  expect(paths()).toEqual(["/1"]);
  expect(first.received.length).toBe(0);
});

test.each([
  ["a GET", "GET", "", "close"],
  ["a GET that is reset", "GET", "", "reset"],
  ["a POST with its body", "POST", "abc", "close"],
] as const)(
  "%s: a client that leaves while it waits is out of the queue at once",
  async (_, method, body, how) => {
    const { origin, answer, paths } = patient();
    using _origin = origin;
    await using edge = await start([{ address: origin.address, max_connections: 1 }]);
    using first = await ask(edge, "/1");
    await until(() => paths().length === 1, "the first is asked");
    const second = await ask(edge, "/2", method, body);
    await until(async () => (await queueLength(edge)) === "1", "it waits");
    second[how]();
    await until(async () => (await queueLength(edge)) === "0", "it does not wait any more");
    await until(() => edge.lines().length === 1, "a line");
    expect(edge.lines()[0]).toMatchObject({ status: 499, ended: "client_left" });
    using third = await ask(edge, "/3");
    answer("/1");
    expect((await first.response()).status).toBe(200);
    await until(() => paths().includes("/3"), "the third is asked");
    answer("/3");
    expect((await third.response()).status).toBe(200);
    expect(paths()).toEqual(["/1", "/3"]);
  },
);

test("requests with bodies wait too, whatever has come of them", async () => {
  const { origin, answer, paths } = patient();
  using _ = origin;
  await using edge = await start([{ address: origin.address, max_connections: 1 }]);
  using first = await ask(edge, "/1");
  await until(() => paths().length === 1, "the first is asked");
  using second = await edge.open();
  second.send("POST /2 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 200000\r\n\r\n");
  await until(async () => (await queueLength(edge)) === "1", "it waits");
  second.send("x".repeat(200_000));
  answer("/1");
  await first.response();
  const arrived = () => origin.connections.reduce((sum, { received }) => sum + received.length, 0);
  await until(() => paths().includes("/2") && arrived() > 200_000, "all of it is with the server");
  answer("/2");
  expect((await second.response()).status).toBe(200);
});
