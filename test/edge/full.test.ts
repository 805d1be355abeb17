import { expect, test } from "bun:test";
import { Origin } from "../harness/origin.ts";
import { RawConnection } from "../harness/raw_connection.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

const ASK = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

test("at max_connections new connections wait, nobody is reset, and those who wait are served when others leave", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: "max_connections = 20" });
  const clients = await Promise.all(Array.from({ length: 60 }, () => RawConnection.open(edge.port)));
  for (const client of clients) client.send(ASK);
  await until(() => answered(clients) >= 20, "the first twenty are served");
  expect(answered(clients)).toBeLessThan(60);
  expect(clients.some(({ broken }) => broken)).toBe(false);
  await until(() => {
    for (const client of clients) if (client.received.length > 0) client[Symbol.dispose]();
    return answered(clients) === 60;
  }, "all are served in the end");
  expect((await edge.get()).status).toBe(200);
});

test("with few descriptors the edge keeps some for its servers, and serves all one after the other", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    proxy: 'timeouts.queue = "10m"',
    descriptors: 120,
  });
  const clients = await Promise.all(Array.from({ length: 300 }, () => RawConnection.open(edge.port)));
  for (const client of clients) client.send(ASK);
  await until(() => {
    for (const client of clients) if (client.received.length > 0) client[Symbol.dispose]();
    return answered(clients) === 300;
  }, "all are served");
  expect(clients.every(({ received }) => received.includes("200 OK"))).toBe(true);
});

test("more requests at once than descriptors are left: they wait for each other, none fails", async () => {
  let slow = false;
  await using origin = Origin.start("a", async () => {
    // Longer than a request that found no descriptor would be tried again.
    if (slow) await Bun.sleep(700);
    return new Response("a");
  });
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    proxy: 'timeouts.queue = "10m"',
    descriptors: 300,
  });
  const clients: RawConnection[] = [];
  for (let i = 0; i < 190; i++) {
    const client = await RawConnection.open(edge.port);
    clients.push(client);
    client.send(ASK);
    expect((await client.response()).status).toBe(200);
  }
  slow = true;
  for (const client of clients) client.send(ASK);
  const statuses = await Promise.all(clients.map(async (client) => (await client.response()).status));
  expect(new Set(statuses)).toEqual(new Set([200]));
  for (const client of clients) client[Symbol.dispose]();
}, 120_000);

test("as many connections as the kernel allows may wait to be accepted", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  const ss = Bun.spawn(["ss", "-ltnH", `sport = :${edge.port}`], { stdout: "pipe" });
  const [, , length] = (await new Response(ss.stdout).text()).trim().split(/\s+/);
  const somaxconn = Number(await Bun.file("/proc/sys/net/core/somaxconn").text());
  expect(Number(length)).toBe(Math.min(4096, somaxconn));
});

function answered(clients: readonly RawConnection[]): number {
  return clients.filter(({ received }) => received.length > 0).length;
}
