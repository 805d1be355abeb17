import { expect, test } from "bun:test";
import { freePort } from "../harness/free_port.ts";
import { Origin } from "../harness/origin.ts";
import { RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

const RULES = '[backend.a.health]\ninterval = "60ms"\nfall = 3\nrise = 2\n';
/** Patient: that this process was held up must not count as a failed check. */
const HEALTH = `${RULES}timeout = "30s"\n`;

async function names(edge: EdgeSite, requests = 20): Promise<string[]> {
  const found = new Set<string>();
  for (let i = 0; i < requests; i++) found.add((await edge.get()).body.toString());
  return [...found].toSorted();
}

test("a server goes down after `fall` failed checks, gets nothing, and is back after `rise`", async () => {
  await using a = Origin.start("a");
  await using b = Origin.start("b");
  await using edge = await EdgeSite.start({
    servers: [a.address, b.address],
    proxy: "workers = 2",
    tables: HEALTH,
  });
  expect(await names(edge)).toEqual(["a", "b"]);
  await until(() => a.checks >= 3, "checks run");
  const before = a.checks;
  a.healthy = false;
  await until(async () => (await edge.stateOf(a.address)) === "down", "a is down");
  expect(a.checks - before).toBeGreaterThanOrEqual(3);
  await until(async () => (await names(edge, 6)).join() === "b", "nobody asks a");
  const { hits } = a;
  expect(await names(edge)).toEqual(["b"]);
  expect(a.hits).toBe(hits);
  const whileDown = a.checks;
  a.healthy = true;
  await until(async () => (await edge.stateOf(a.address)) === "up", "a is up");
  expect(a.checks - whileDown).toBeGreaterThanOrEqual(2);
  await until(async () => (await names(edge, 6)).join() === "a,b", "both are asked again");
});

test("fewer than `fall` failures, or one good check between, leave a server up", async () => {
  let checks = 0;
  using origin = RawOrigin.start((connection) => {
    const status = checks++ % 3 === 2 ? "200 OK" : "500 Internal Server Error";
    connection.send(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
    connection.received = Buffer.alloc(0);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: HEALTH });
  const seen = new Set<string | undefined>();
  await until(async () => {
    seen.add(await edge.stateOf(origin.address));
    return checks >= 12;
  }, "twelve checks");
  expect([...seen]).toEqual(["up"]);
});

test("the check is a GET of the path with the Host of the config", async () => {
  using origin = RawOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const tables = `${HEALTH}path = "/ready?deep=1"\nhost = "health.test"\n`;
  await using edge = await EdgeSite.start({ servers: [origin.address], tables });
  await until(
    () => origin.connections.length > 0 && origin.connections[0]?.received.includes("\r\n\r\n"),
    "a check",
  );
  const text = origin.connections[0]?.received.toString("latin1") ?? "";
  expect(text).toStartWith("GET /ready?deep=1 HTTP/1.1\r\n");
  expect(text.match(/^host: .*$/gim)).toEqual([expect.stringMatching(/^host: health\.test$/i)]);
  expect(await edge.stateOf(origin.address)).toBe("up");
});

test.each([
  ["2xx,3xx", 204, "up"],
  ["2xx,3xx", 302, "up"],
  ["2xx,3xx", 404, "down"],
  ["2xx,3xx", 503, "down"],
  ["404", 404, "up"],
  ["404", 200, "down"],
  ["200-299", 204, "up"],
])("expect = %j with a %d: %s", async (expected, status, state) => {
  let checks = 0;
  using origin = RawOrigin.start((connection) => {
    checks++;
    connection.send(
      `HTTP/1.1 ${status} X\r\nLocation: /\r\n${status === 204 ? "" : "Content-Length: 0\r\n"}\r\n`,
    );
    connection.received = Buffer.alloc(0);
  });
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    tables: `${HEALTH}expect = "${expected}"\n`,
  });
  await until(() => checks > 6, "some checks");
  await until(async () => (await edge.stateOf(origin.address)) === state, state);
});

test.each([
  ["does not answer in time", () => undefined],
  [
    "answers what is not HTTP",
    (connection: { send(text: string): void }) => connection.send("hello\r\n\r\n"),
  ],
])("a server that %s is down, and the status says why", async (_, answer) => {
  using origin = RawOrigin.start(answer);
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    tables: `${RULES}timeout = "100ms"\n`,
  });
  await until(async () => (await edge.stateOf(origin.address)) === "down", "it is down");
  const { backends } = (await edge.status()).modes.proxy;
  expect(backends.find(({ name }) => name === "a")?.servers[0]?.last?.said).toBeString();
});

test("a server that nothing listens on goes down and comes up when it starts", async () => {
  const port = await freePort();
  await using edge = await EdgeSite.start({ servers: [`127.0.0.1:${port}`], tables: HEALTH });
  await until(async () => (await edge.stateOf(`127.0.0.1:${port}`)) === "down", "it is down");
  await using second = Origin.start("a", undefined, port);
  await until(async () => (await edge.stateOf(second.address)) === "up", "it is up");
  await until(async () => (await edge.get()).status === 200, "it is asked");
});

test("checks do not go through a proxy that the environment names", async () => {
  await using origin = Origin.start("a");
  const nowhere = "http://127.0.0.1:9";
  const env = { HTTP_PROXY: nowhere, http_proxy: nowhere, NO_PROXY: "", no_proxy: "" };
  await using edge = await EdgeSite.start({ servers: [origin.address], tables: HEALTH, env });
  await until(() => origin.checks >= 3, "checks reach the server");
  expect(await edge.stateOf(origin.address)).toBe("up");
});
