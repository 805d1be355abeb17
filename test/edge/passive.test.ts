import { expect, test } from "bun:test";
import { freePort } from "../harness/free_port.ts";
import { Load } from "../harness/load.ts";
import { Origin } from "../harness/origin.ts";
import { RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

const failing = () => Origin.start("ill", () => new Response("ill", { status: 500 }));

test("five errors in a row take a server down, half of the servers at most", async () => {
  await using good = Origin.start("good");
  await using ill = failing();
  await using ill2 = failing();
  await using edge = await EdgeSite.start({
    servers: [good.address, ill.address, ill2.address],
    proxy: "workers = 1",
    tables: "[backend.a.passive]\n",
  });
  // Four errors each: one short of it.
  for (let i = 0; i < 12; i++) await edge.get();
  expect([await edge.stateOf(ill.address), await edge.stateOf(ill2.address)]).toEqual(["up", "up"]);
  await until(async () => {
    const before = ill.hits;
    for (let i = 0; i < 3; i++) await edge.get();
    return ill.hits === before;
  }, "the one that failed first is sent nothing more");
  const hits = ill.hits;
  for (let i = 0; i < 30; i++) await edge.get();
  expect(ill.hits).toBe(hits);
  expect(await edge.stateOf(ill.address)).toBe("down");
  expect(await edge.stateOf(ill2.address)).toBe("up");
  expect(ill2.hits).toBeGreaterThan(hits);
});

test("errors count over all data-plane processes", async () => {
  await using good = Origin.start("good");
  await using ill = failing();
  await using edge = await EdgeSite.start({
    servers: [good.address, ill.address],
    proxy: "workers = 4",
    tables: "[backend.a.passive]\nerrors = 8\n",
  });
  // The kernel spreads connections over the processes; none of them sees eight.
  const connections = await Promise.all(Array.from({ length: 24 }, () => edge.open()));
  for (const connection of connections) {
    if (ill.hits === 8) break;
    for (let i = 0; i < 2 && ill.hits < 8; i++) {
      connection.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
      await connection.response();
    }
  }
  expect(ill.hits).toBe(8);
  await until(async () => (await edge.stateOf(ill.address)) === "down", "it is down");
  for (const connection of connections) connection[Symbol.dispose]();
});

test("the only server stays, whatever it answers", async () => {
  await using ill = failing();
  await using edge = await EdgeSite.start({
    servers: [ill.address],
    tables: "[backend.a.passive]\nerrors = 2",
  });
  for (let i = 0; i < 10; i++) expect((await edge.get()).status).toBe(500);
  expect(await edge.stateOf(ill.address)).toBe("up");
});

test("a check that passes brings it back, slowly where slow_start says so", async () => {
  await using good = Origin.start("good");
  let well = false;
  await using ill = Origin.start("ill", () => new Response("", { status: well ? 200 : 500 }));
  await using edge = await EdgeSite.start({
    servers: [good.address, ill.address],
    proxy: "workers = 1",
    backend: 'slow_start = "1h"',
    tables:
      '[backend.a.health]\ninterval = "400ms"\ntimeout = "30s"\nfall = 1000\n[backend.a.passive]\nerrors = 2',
  });
  // Until then checks fail too: not often enough to take it down, but none brings it back.
  ill.healthy = false;
  for (let i = 0; i < 6; i++) await edge.get();
  await until(async () => (await edge.stateOf(ill.address)) === "down", "it is down");
  well = true;
  ill.healthy = true;
  await until(async () => (await edge.stateOf(ill.address)) === "up", "it is up");
  const before = ill.hits;
  await Load.start({ port: edge.port, requests: 500, keepAlive: 5 }).done();
  expect(ill.hits - before).toBeGreaterThan(0);
  expect(ill.hits - before).toBeLessThanOrEqual(10);
});

test("servers that start have their full weight at once", async () => {
  await using a = Origin.start("a");
  await using b = Origin.start("b");
  await using edge = await EdgeSite.start({
    servers: [a.address, b.address],
    proxy: "workers = 1",
    backend: 'slow_start = "1h"',
  });
  await Load.start({ port: edge.port, requests: 200, keepAlive: 5 }).done();
  expect(a.hits).toBe(100);
  expect(b.hits).toBe(100);
});

test("no more than a hundred requests in 10 s are sent twice when every server fails", async () => {
  let asked = 0;
  const origins = [1, 2].map(() =>
    RawOrigin.start((connection) => {
      asked++;
      connection.reset();
    }),
  );
  await using edge = await EdgeSite.start({
    servers: origins.map(({ address }) => address),
    proxy: 'workers = 1\naccess_log = "off"',
    backend: "retries = 1",
  });
  const startMs = performance.now();
  await Load.start({
    port: edge.port,
    requests: 300,
    keepAlive: 10,
    accept: ({ status }) => status === 502,
  }).done();
  const windows = 1 + Math.floor((performance.now() - startMs) / 9_000);
  expect(asked).toBeWithin(400, 300 + 100 * windows + 1);
  for (const origin of origins) origin[Symbol.dispose]();
});

test("a lone server that starts anew is waited for a little", async () => {
  const port = await freePort();
  await using edge = await EdgeSite.start({ servers: [`127.0.0.1:${port}`], backend: "retries = 100" });
  const asked = edge.get();
  await until(
    async () => /trivet_proxy_retries_total [1-9]/.test(await (await edge.trivet.admin("/metrics")).text()),
    "the first attempt has failed",
  );
  await using origin = Origin.start("back", undefined, port);
  expect((await asked).body.toString()).toBe("back");
  expect(origin.hits).toBe(1);
});
