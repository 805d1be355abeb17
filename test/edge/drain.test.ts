import { expect, test } from "bun:test";
import { Load } from "../harness/load.ts";
import { Origin } from "../harness/origin.ts";
import { RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

test("TERM under load: every request accepted is answered, then it exits with 0", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    proxy: 'workers = 2\naccess_log = "off"',
  });
  const load = Load.start({ port: edge.port, keepAlive: 12, fresh: 6 });
  await until(() => load.result.ok > 500, "load");
  edge.trivet.signal("SIGTERM");
  expect(await edge.trivet.exited()).toBe(0);
  const result = await load.stop();
  expect({ failed: result.failed, reasons: result.reasons }).toEqual({ failed: 0, reasons: [] });
}, 120_000);

test("slow answers under way are waited for, and told that the connection closes", async () => {
  const { promise: go, resolve: answer } = Promise.withResolvers<void>();
  await using origin = Origin.start("a", async () => {
    await go;
    return new Response("late");
  });
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await until(() => origin.hits === 1, "the server is asked");
  edge.trivet.signal("SIGTERM");
  await until(async () => (await edge.trivet.admin("/health")).status === 503, "health says that it drains");
  await until(() => edge.refuses(), "nobody is accepted any more");
  expect(edge.trivet.code).toBeUndefined();
  answer();
  const response = await client.response();
  expect([response.body.toString(), response.headers.get("connection")]).toEqual(["late", "close"]);
  expect(await edge.trivet.exited()).toBe(0);
});

test("idle connections do not hold it up", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: 'drain_timeout = "1h"' });
  using idle = await edge.open();
  idle.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await idle.response();
  using silent = await edge.open();
  edge.trivet.signal("SIGTERM");
  expect(await edge.trivet.exited()).toBe(0);
  await Promise.all([idle.closed(), silent.closed()]);
});

test("a data-plane process that is held up while it leaves answers what it was asked meanwhile", async () => {
  // The second that idle clients have may be over before we ask, if we are held up ourselves: then once more.
  await until(async () => {
    await using origin = Origin.start("a");
    await using edge = await EdgeSite.start({ servers: [origin.address] });
    using client = await edge.open();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await client.response();
    const [pid = 0] = await edge.dataPlane();
    edge.trivet.signal("SIGTERM");
    const refuses = () =>
      edge.open().then(
        () => false,
        () => true,
      );
    await until(refuses, "it leaves");
    process.kill(pid, "SIGSTOP");
    await Bun.sleep(10);
    if (client.ended) return false;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await Bun.sleep(1500);
    process.kill(pid, "SIGCONT");
    const { status, headers } = await client.response();
    expect([status, headers.get("connection")]).toEqual([200, "close"]);
    return true;
  }, "it is asked while it leaves");
});

test("what is left at drain_timeout is cut: tunnels, and answers that do not end", async () => {
  using origin = RawOrigin.start((connection, bytes) => {
    if (bytes.includes("Upgrade: raw"))
      connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n");
    else connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  });
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: 'drain_timeout = "1s"' });
  using tunnel = await edge.open();
  tunnel.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n");
  expect((await tunnel.response()).status).toBe(101);
  using half = await edge.open();
  half.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await half.arrived(1);
  const startMs = Date.now();
  edge.trivet.signal("SIGTERM");
  await tunnel.closed();
  await half.closed();
  expect(await edge.trivet.exited()).toBe(0);
  expect(Date.now() - startMs).toBeWithin(800, 20_000);
});

test("a second TERM stops at once", async () => {
  await using origin = Origin.start("a", () => new Promise<Response>(() => undefined));
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: 'drain_timeout = "1h"' });
  using client = await edge.open();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await until(() => origin.hits === 1, "the server is asked");
  edge.trivet.signal("SIGTERM");
  await until(async () => (await edge.trivet.admin("/health")).status === 503, "it drains");
  edge.trivet.signal("SIGTERM");
  await edge.trivet.exited();
});
