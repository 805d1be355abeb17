import { describe, expect, test } from "bun:test";
import { unlink } from "node:fs/promises";
import { freePort } from "./harness/free_port.ts";
import { Load } from "./harness/load.ts";
import { RawConnection } from "./harness/raw_connection.ts";
import { ServeSite } from "./harness/serve_site.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

const ROLLS = 3;
const GET = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

describe("no request is lost, direct, without a sysctl", () => {
  test("reloads and TERM to single children, under new and kept connections, slow ones too", async () => {
    await using site = await ServeSite.start();
    const loads = site.loads(site.port);
    for (let i = 0; i < ROLLS; i++) {
      expect((await site.trivet.run(["reload"])).stderr).toBe("");
      await site.replaceOne(i);
    }
    await ServeSite.expectNothingLost(loads);
  });

  test("TERM: connections in the kernel's queue are answered, later ones wait or are refused, none is reset", async () => {
    await using site = await ServeSite.start();
    const loads = site.loads(site.port);
    await until(() => loads.every(({ result }) => result.ok > 10), "load");
    expect(await site.trivet.stop()).toBe(0);
    for (const load of loads) {
      const { failed, reasons } = await load.done();
      expect({ failed, reasons }).toEqual({ failed: 0, reasons: [] });
    }
  });

  test("behind an edge of its own, which knows the app server by its port only", async () => {
    await using site = await ServeSite.start();
    const port = await freePort();
    await using _edge = await edgeBefore([site.port], port);
    const loads = site.loads(port, { method: "POST", body: "x" });
    for (let i = 0; i < ROLLS; i++) {
      expect((await site.trivet.run(["reload"])).stderr).toBe("");
      await site.replaceOne(i);
    }
    await ServeSite.expectNothingLost(loads);
  });

  test("an app server that ends has been left by its balancer first", async () => {
    await using going = await ServeSite.start({ keys: 'shutdown_delay = "1h"' });
    await using staying = await ServeSite.start();
    const port = await freePort();
    await using edge = await edgeBefore([going.port, staying.port], port);
    const loads = staying.loads(port, { method: "POST", body: "x" });
    await until(() => loads.every(({ result }) => result.ok > 10), "load");
    going.trivet.signal("SIGTERM");
    const metrics = async (site: Trivet) => (await site.admin("/metrics")).text();
    const up = `trivet_proxy_server_up{backend="app",server="127.0.0.1:${going.port}"}`;
    await until(async () => (await metrics(edge)).includes(`${up} 0`), "the balancer has left it");
    const idle = async () => /^trivet_serve_requests_in_flight 0$/m.test(await metrics(going.trivet));
    await until(idle, "it has answered all that it was asked");
    // It does not wait for shutdown_delay any more.
    going.trivet.signal("SIGTERM");
    expect(await going.trivet.exited()).toBe(0);
    await ServeSite.expectNothingLost(loads);
  });

  test("recycled every 200 requests", async () => {
    await using site = await ServeSite.start({ keys: "max_requests = 200" });
    const loads = site.loads(site.port);
    const seen = new Set<number>();
    await until(async () => {
      for (const { pid } of await site.ready()) seen.add(pid);
      return seen.size > 2 * ROLLS;
    }, "children come and go");
    await ServeSite.expectNothingLost(loads);
  });

  test("under trivet up, with POST, and no retries that would hide it", async () => {
    await using site = await ServeSite.start({ edge: true });
    const loads = [...site.loads(site.edgePort, { method: "POST", body: "x" }), ...site.loads(site.port)];
    for (let i = 0; i < ROLLS; i++) {
      expect((await site.trivet.run(["reload"])).stderr).toBe("");
      await site.replaceOne(i);
    }
    await site.upgrade();
    await ServeSite.expectNothingLost(loads);
  });

  test("trivet upgrade hands the sockets over", async () => {
    await using site = await ServeSite.start();
    const loads = site.loads(site.port);
    for (let i = 0; i < ROLLS; i++) await site.upgrade();
    await ServeSite.expectNothingLost(loads);
  });
});

test("kill -9 of a child: only what it was answering fails, new connections wait for the next one", async () => {
  await using site = await ServeSite.start();
  const fresh = Load.start({ port: site.port, fresh: 6 });
  for (let i = 0; i < ROLLS; i++) {
    const before = fresh.result.ok;
    await until(() => fresh.result.ok > before + 50, "load");
    const victim = (await site.ready())[i % 2]?.pid ?? 0;
    process.kill(victim, "SIGKILL");
    await site.replaced(victim);
  }
  const { failed, refused } = await fresh.stop();
  expect(refused).toBe(0);
  // Each client has one request under way.
  expect(failed).toBeLessThanOrEqual(6 * ROLLS);
});

test("a child that is replaced says so to its clients, finishes what it has, and closes silent ones last", async () => {
  await using site = await ServeSite.start({ workers: 1 });
  using asking = await RawConnection.open(site.port);
  asking.send(GET);
  const first = await asking.response();
  using slow = await RawConnection.open(site.port);
  slow.send(GET.replace("/", "/slow"));
  using silent = await RawConnection.open(site.port);
  silent.send(GET);
  await silent.response();
  expect(first.headers.get("connection")).not.toBe("close");
  await site.replaceOne(0);
  asking.send(GET);
  const second = await asking.response();
  expect([second.body.toString(), second.headers.get("connection")]).toEqual([
    first.body.toString(),
    "close",
  ]);
  expect((await slow.response()).status).toBe(200);
  expect(silent.ended).toBe(false);
  await silent.closed();
  using next = await RawConnection.open(site.port);
  next.send(GET);
  expect((await next.response()).body.toString()).not.toBe(first.body.toString());
}, 120_000);

test("on TERM health says 503, while everything is answered; a second TERM does not wait for shutdown_delay", async () => {
  await using site = await ServeSite.start({ workers: 1, keys: 'shutdown_delay = "1h"' });
  const health = async (path: string) => (await fetch(`http://127.0.0.1:${site.port}${path}`)).status;
  expect(await Promise.all(["/healthz", "/readyz", "/"].map(health))).toEqual([200, 200, 200]);
  site.trivet.signal("SIGTERM");
  await until(async () => (await health("/healthz")) === 503, "health says 503");
  expect(await Promise.all(["/healthz", "/readyz", "/"].map(health))).toEqual([503, 503, 200]);
  site.trivet.signal("SIGTERM");
  expect(await site.trivet.exited()).toBe(0);
});

test("shutdown_delay ends by itself, and not before its time", async () => {
  await using site = await ServeSite.start({ workers: 1, keys: 'shutdown_delay = "1s"' });
  const beganMs = performance.now();
  expect(await site.trivet.stop()).toBe(0);
  expect(performance.now() - beganMs).toBeGreaterThan(1000);
});

test("an edge that is held up while a child leaves finds it there still", async () => {
  await using site = await ServeSite.start({ edge: true });
  const clients = await Promise.all(Array.from({ length: 16 }, () => RawConnection.open(site.edgePort)));
  for (const client of clients) {
    client.send(GET);
    await client.response();
  }
  const victim = (await site.ready())[0]?.pid ?? 0;
  const edges = (await site.trivet.children()).filter(({ command }) => command.startsWith("trivet: proxy"));
  expect(edges).toHaveLength(2);
  for (const { pid } of edges) process.kill(pid, "SIGSTOP");
  for (const client of clients) client.send(GET);
  process.kill(victim, "SIGTERM");
  await site.replaced(victim);
  await Bun.sleep(500);
  for (const { pid } of edges) process.kill(pid, "SIGCONT");
  for (const client of clients) {
    expect((await client.response()).status).toBe(200);
    client.close();
  }
});

test("an app that stops its server has its process replaced, and loses no request", async () => {
  await using site = await ServeSite.start();
  const loads = site.loads(site.port);
  const stopped = await fetch(`http://127.0.0.1:${site.port}/stop`, { keepalive: false });
  await site.replaced(Number(await stopped.text()));
  expect(site.trivet.stderr).toContain("the app called server.stop()");
  await ServeSite.expectNothingLost(loads);
});

test("new connections do not wait for a process that is blocked, nor for one that can't boot", async () => {
  await using site = await ServeSite.start();
  const fresh = () => Load.start({ port: site.port, fresh: 1, requests: 20 }).done();
  const spinning = fetch(`http://127.0.0.1:${site.port}/spin`, { keepalive: false }).catch(() => undefined);
  await until(() => site.trivet.stderr.includes("another takes its connections"), "its sockets are lent");
  const beganMs = performance.now();
  expect(await fresh()).toMatchObject({ ok: 20, failed: 0 });
  // The process is blocked until its hang_timeout, for 60 s.
  expect(performance.now() - beganMs).toBeLessThan(30_000);
  const [first, second] = await site.ready();
  const answering = Number(
    await (await fetch(`http://127.0.0.1:${site.port}/`, { keepalive: false })).text(),
  );
  const blocked = first?.pid === answering ? second : first;
  await site.trivet.folder.write("broken", "");
  process.kill(blocked?.pid ?? 0, "SIGKILL");
  await spinning;
  await until(() => site.trivet.stderr.includes("broken today"), "the next one can't boot");
  expect(await fresh()).toMatchObject({ ok: 20, failed: 0 });
  await unlink(`${site.trivet.folder.path}/broken`);
  await site.replaced(blocked?.pid ?? 0);
  const pids = new Set<string>();
  await until(async () => {
    pids.add(await (await fetch(`http://127.0.0.1:${site.port}/`, { keepalive: false })).text());
    return pids.size === 2;
  }, "both answer again");
}, 120_000);

test("a reload moves the app server to another address and more processes, without a lost request", async () => {
  await using site = await ServeSite.start({ workers: 1 });
  const port = await freePort();
  const reload = async (where: { port?: number; workers?: number }) => {
    await site.configure(where);
    expect((await site.trivet.run(["reload"])).stderr).toBe("");
  };
  const before = Load.start({ port: site.port, keepAlive: 2, fresh: 2 });
  await until(() => before.result.ok > 50, "load");
  await reload({ port, workers: 2 });
  const after = Load.start({ port, keepAlive: 2, fresh: 2 });
  const { failed, reasons } = await before.stop();
  expect({ failed, reasons }).toEqual({ failed: 0, reasons: [] });
  expect(await site.ready()).toHaveLength(2);
  await until(
    () =>
      RawConnection.open(site.port).then(
        () => false,
        () => true,
      ),
    "nobody is there any more",
  );
  // The address can be had again at once.
  await reload({ port: site.port, workers: 1 });
  await after.stop();
  expect(after.result).toMatchObject({ failed: 0, stale: 0 });
  expect((await fetch(`http://127.0.0.1:${site.port}/`)).status).toBe(200);
  expect(await site.ready()).toHaveLength(1);
}, 120_000);

test("a reload that can't boot at a new address leaves nothing open there", async () => {
  await using site = await ServeSite.start({ workers: 2 });
  const port = await freePort();
  await site.configure({ port });
  await site.trivet.folder.write("app.ts", "throw new Error('no');");
  expect((await site.trivet.run(["reload"])).stderr).toContain("app.ts:1: no");
  expect((await fetch(`http://127.0.0.1:${site.port}/`)).status).toBe(200);
  expect(await RawConnection.open(port).catch(() => "refused")).toBe("refused");
  const other = Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
  other.stop();
});

test("few kept connections through the edge load every child alike", async () => {
  await using site = await ServeSite.start({ workers: 4, edge: true });
  const counts = new Map<string, number>();
  const accept = ({ body }: { body: Buffer }) => {
    const pid = body.toString();
    counts.set(pid, (counts.get(pid) ?? 0) + 1);
    return true;
  };
  await Load.start({ port: site.edgePort, keepAlive: 2, requests: 400, accept }).done();
  // Each of the two data-plane processes takes turns by itself.
  expect(counts.size).toBe(4);
  for (const count of counts.values()) expect(count).toBeWithin(98, 103);
});

test("backlog is what listen(2) is told", async () => {
  await using site = await ServeSite.start({ keys: "backlog = 77" });
  expect(await site.backlogs()).toEqual([77, 77]);
  await site.configure({ keys: "backlog = 99" });
  expect((await site.trivet.run(["reload"])).stderr).toBe("");
  expect(await site.backlogs()).toEqual([99, 99]);
});

/** Without retries, so that nothing that an app server loses is made good. */
function edgeBefore(ports: readonly number[], port: number): Promise<Trivet> {
  const servers = ports.map((server) => `"127.0.0.1:${server}"`).join(", ");
  const config = `
[proxy]
workers = 1
access_log = "off"
listen = [{ address = "127.0.0.1:${port}" }]
[[proxy.route]]
backend = "app"
[backend.app]
servers = [${servers}]
retries = 0
health = { path = "/healthz", interval = "100ms", timeout = "30s", fall = 2, rise = 1 }
`;
  return Trivet.start({ mode: "proxy", config });
}
