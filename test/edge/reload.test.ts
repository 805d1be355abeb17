import { expect, test } from "bun:test";
import { freePort } from "../harness/free_port.ts";
import { Load } from "../harness/load.ts";
import { Origin } from "../harness/origin.ts";
import { RawConnection } from "../harness/raw_connection.ts";
import { RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { configOf, EdgeSite } from "./edge_site.ts";

const ADMIN = '\n[admin]\ndir = "run"\nhttp = ""\n';
const RELOADS = 30;

test("30 reloads under load lose no request; listeners and servers come and go", async () => {
  await using a = Origin.start("a");
  await using b = Origin.start("b");
  const servers = [a.address];
  await using edge = await EdgeSite.start({ servers, proxy: 'workers = 2\naccess_log = "off"' });
  const other = await freePort();
  const proxy = 'workers = 2\naccess_log = "off"';
  const narrow = configOf(edge.port, { servers, proxy }) + ADMIN;
  const wide = `${configOf(edge.port, { servers: [a.address, b.address], proxy })}
[[proxy.listen]]
address = "127.0.0.1:${other}"
${ADMIN}`;
  const pids = await edge.dataPlane();
  const load = Load.start({ port: edge.port, keepAlive: 6, fresh: 3 });
  for (let i = 0; i < RELOADS; i++) {
    const opens = i % 2 === 0;
    await edge.trivet.folder.write("trivet.toml", opens ? wide : narrow);
    const { code, stderr } = await edge.trivet.run(["reload"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(await accepts(other)).toBe(opens);
  }
  const { failed, refused, reasons } = await load.stop();
  expect({ failed, refused, reasons }).toEqual({ failed: 0, refused: 0, reasons: [] });
  expect(await edge.dataPlane()).toEqual(pids);
  const members = (await edge.status()).modes.proxy.backends.find(({ name }) => name === "a")?.servers;
  expect(members?.map(({ address }) => address)).toEqual(
    RELOADS % 2 === 0 ? servers : [...servers, b.address],
  );
}, 300_000);

test("a bad file changes nothing and says why; so does a port in use", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  const good = configOf(edge.port, { servers: [origin.address] });
  await edge.trivet.folder.write("trivet.toml", `${good}\n[proxy.timeouts]\nconnect = "soon"\n${ADMIN}`);
  const bad = await edge.trivet.run(["reload"]);
  expect(bad.code).toBe(2);
  expect(bad.stderr).toContain("trivet.toml:");
  const taken = `${good}\n[[proxy.listen]]\naddress = "${origin.address}"\n${ADMIN}`;
  await edge.trivet.folder.write("trivet.toml", taken);
  const refused = await edge.trivet.run(["reload"]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(`${origin.address} is in use`);
  expect((await edge.get()).status).toBe(200);
  expect((await edge.status()).modes.proxy.listeners).toHaveLength(1);
});

test("a reload that a data-plane process can't apply leaves the listeners it would have closed open", async () => {
  await using origin = Origin.start("a");
  const [kept, extra] = [await freePort(), await freePort()];
  const servers = [origin.address];
  const listen = (port: number) => `[[proxy.listen]]\naddress = "127.0.0.1:${port}"\n`;
  await using edge = await EdgeSite.start({ servers, tables: listen(kept) });
  const bad = configOf(edge.port, {
    servers,
    proxy: 'access_log_to = "file:no/such/folder/log"',
    tables: listen(extra),
  });
  await edge.trivet.folder.write("trivet.toml", bad + ADMIN);
  const { code, stderr } = await edge.trivet.run(["reload"]);
  expect(code).toBe(1);
  expect(stderr).toContain("access log");
  expect(await accepts(kept)).toBe(true);
  expect(await accepts(extra)).toBe(false);
  expect((await edge.get()).status).toBe(200);
}, 120_000);

test("HUP reloads; a tunnel and the state of a server live on", async () => {
  await using origin = Origin.start("a");
  using raw = RawOrigin.start((connection, bytes) => {
    if (!bytes.includes("GET /chat")) return connection.send(bytes);
    connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n");
  });
  const dead = `127.0.0.1:${await freePort()}`;
  const health = '[backend.a.health]\npath = "/"\ninterval = "50ms"\nfall = 1';
  const chat = `[[proxy.route]]\npath_prefix = "/chat"\nbackend = "chat"\n[[proxy.route]]\nbackend = "a"\n
[backend.chat]\nservers = ["${raw.address}"]\n${health}`;
  const servers = [origin.address, dead];
  await using edge = await EdgeSite.start({ servers, tables: chat });
  await until(async () => (await edge.stateOf(dead)) === "down", "the dead one is down");
  using tunnel = await edge.open();
  tunnel.send("GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n");
  await until(() => tunnel.received.includes("101"), "the tunnel opens");
  const slow = chat.replace('interval = "50ms"', 'interval = "1h"');
  await edge.trivet.folder.write("trivet.toml", configOf(edge.port, { servers, tables: slow }) + ADMIN);
  edge.trivet.signal("SIGHUP");
  await until(() => edge.trivet.stderr.includes("reloaded"), "the reload");
  expect(await edge.stateOf(dead)).toBe("down");
  tunnel.send("still here");
  await until(() => tunnel.received.includes("still here"), "the tunnel answers");
});

test("deadlines pass while reloads come fast, and those that began meanwhile are not early", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    proxy: 'timeouts.request_head = "2s"',
  });
  let reloading = true;
  const reloads = (async () => {
    while (reloading) expect((await edge.trivet.run(["reload"])).code).toBe(0);
  })();
  using slow = await edge.open();
  const beganMs = performance.now();
  slow.send("GET / HTTP/1.1\r\nHost: a.test\r\n");
  // Only what is broken takes this long; without an end, reloads would hold it off for ever.
  const patience = setTimeout(() => {
    reloading = false;
  }, 30_000);
  const { status } = await slow.response();
  const during = reloading;
  reloading = false;
  clearTimeout(patience);
  await reloads;
  expect({ status, during }).toEqual({ status: 408, during: true });
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(2000);
});

async function accepts(port: number): Promise<boolean> {
  try {
    (await RawConnection.open(port))[Symbol.dispose]();
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}
