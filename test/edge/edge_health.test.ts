import { expect, test } from "bun:test";
import { freePort } from "../harness/free_port.ts";
import { Origin } from "../harness/origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

test("the health path is answered by the edge itself on every host, and not logged", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    tables: '[proxy.health]\npath = "/health"\n[[proxy.route]]\nhost = "a.test"\nbackend = "a"',
  });
  for (const host of ["a.test", "elsewhere.test"]) {
    const { status, headers, body } = await edge.get("/health?from=balancer", host);
    expect([status, body.toString(), headers.get("content-type")]).toEqual([
      200,
      "OK",
      "text/plain; charset=utf-8",
    ]);
  }
  const { statusText } = await fetch(`http://127.0.0.1:${edge.port}/health`);
  expect(statusText).toBe("OK");
  expect((await edge.get("/healthy")).body.toString()).not.toBe("OK");
  expect(await edge.trivet.stop()).toBe(0);
  expect(edge.lines().map(({ target }) => target)).toEqual(["/healthy"]);
});

test("503 when fewer servers are up than fail_when_below", async () => {
  await using origin = Origin.start("a");
  const dead = `127.0.0.1:${await freePort()}`;
  await using edge = await EdgeSite.start({
    servers: [origin.address, dead],
    backend: 'health = { path = "/", interval = "50ms", timeout = "30s", fall = 2 }',
    tables: '[proxy.health]\npath = "/health"\nfail_when_below = 2',
  });
  await until(async () => (await edge.get("/health")).status === 503, "the dead server counts");
  expect((await edge.get("/")).status).toBe(200);
});

function leaving(origin: Origin, delay: string): Promise<EdgeSite> {
  return EdgeSite.start({
    servers: [origin.address],
    proxy: `shutdown_delay = "${delay}"`,
    tables: '[proxy.health]\npath = "/health"',
  });
}

test("on TERM health says 503 while requests are still answered; a second TERM does not wait for shutdown_delay", async () => {
  await using origin = Origin.start("a");
  await using edge = await leaving(origin, "1h");
  edge.trivet.signal("SIGTERM");
  await until(async () => (await edge.get("/health")).status === 503, "health turns");
  expect((await edge.get("/")).status).toBe(200);
  edge.trivet.signal("SIGTERM");
  expect(await edge.trivet.exited()).toBe(0);
});

test("shutdown_delay ends by itself, and not before its time", async () => {
  await using origin = Origin.start("a");
  await using edge = await leaving(origin, "1s");
  const before = performance.now();
  edge.trivet.signal("SIGTERM");
  expect(await edge.trivet.exited()).toBe(0);
  expect(performance.now() - before).toBeGreaterThan(1000);
});
