import { expect, test } from "bun:test";
import { RawConnection } from "../harness/raw_connection.ts";
import { RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { CASES, DepartureSite } from "./departure_site.ts";
import { EdgeSite } from "./edge_site.ts";

const PATIENCE_MS = 20_000;

test.each(["close", "reset"] as const)("a client that leaves (%s) is noticed in every phase", async (how) => {
  await using site = await DepartureSite.start();
  const { edge } = site;
  await site.warm();
  using _ = await site.occupy();
  await site.enter();
  for (const client of site.clients.values()) client[how]();
  const logged = CASES.filter(({ phase }) => phase.status !== 400);
  const lineOf = (path: string) => edge.lines().find((line) => line["target"] === path);
  const silent = () => logged.filter(({ path }) => !lineOf(path)).map(({ name }) => name);
  await until(() => silent().length === 0, "lines", PATIENCE_MS).catch(() => undefined);
  expect(silent()).toEqual([]);
  const told = logged.map(({ name, path }) => {
    const { status, ended } = lineOf(path) ?? {};
    return { name, status, ended };
  });
  expect(told).toEqual(
    logged.map(({ name, phase: { status, ended = "client_left", closed = ended } }) => {
      return { name, status, ended: how === "close" ? closed : ended };
    }),
  );
  expect(edge.lines().some(({ status }) => status === 400)).toBe(true);
  await until(() => site.carrying().length === 0, "no connection", PATIENCE_MS).catch(() => undefined);
  expect(site.carrying()).toEqual([]);
  await until(async () => (await site.metric("trivet_proxy_connections_open")) === 1, "one client is there");
  expect(await site.metric("trivet_proxy_server_requests_in_flight")).toBe(1);
  expect(await site.metric("trivet_proxy_queue_length")).toBe(0);
});

test("TERM waits for no client that has left", async () => {
  await using site = await DepartureSite.start();
  await site.warm();
  using holder = await site.occupy();
  await site.enter();
  for (const client of site.clients.values()) client.close();
  holder.close();
  site.edge.trivet.signal("SIGTERM");
  expect(await site.edge.trivet.exited()).toBe(0);
});

test("clients that leave before their tunnel is there, and frames for them at once, leave no tunnel", async () => {
  const greeting = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\nframe";
  using origin = RawOrigin.start(() => undefined);
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  const clients = await Promise.all(Array.from({ length: 20 }, () => edge.open()));
  for (const client of clients)
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n");
  await until(() => origin.connections.length === clients.length, "all are asked");
  for (const client of clients) client.close();
  // In time: who has left is given up after a second.
  await Bun.sleep(50);
  for (const connection of origin.connections) connection.send(greeting);
  const open = async () =>
    (await (await edge.trivet.admin("/metrics")).text()).includes("connections_open 0\n");
  await until(open, "no client is there");
  await until(() => origin.connections.every(({ ended }) => ended), "no connection to the server is there");
});

test("a client that only half-closes gets its answers", async () => {
  using origin = RawOrigin.start((connection) => {
    const text = connection.received.toString("latin1");
    const whole = text.startsWith("GET") || text.endsWith("end") || text.endsWith("0\r\n\r\n");
    if (!whole) return;
    connection.received = Buffer.alloc(0);
    setTimeout(
      () => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
      text.startsWith("GET /many") ? 0 : 100,
    );
  });
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  const HOST = "Host: a.test\r\n";
  const large = "x".repeat(3_000_000);
  const cases: [name: string, text: string, answers: number][] = [
    ["a GET", `GET / HTTP/1.1\r\n${HOST}\r\n`, 1],
    ["a body", `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nend`, 1],
    ["chunks", `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nend\r\n0\r\n\r\n`, 1],
    ["a large body", `POST / HTTP/1.1\r\n${HOST}Content-Length: ${large.length + 3}\r\n\r\n${large}end`, 1],
    ["two requests", `GET / HTTP/1.1\r\n${HOST}\r\n`.repeat(2), 2],
    ["many requests", `GET /many HTTP/1.1\r\n${HOST}X-Filler: ${"x".repeat(400)}\r\n\r\n`.repeat(500), 500],
  ];
  const got = await Promise.all(
    cases.map(async ([name, text]) => {
      using client = await RawConnection.open(edge.port);
      client.send(text);
      await until(() => client.unsentBytes === 0, "it is sent");
      client.shutdown();
      await client.closed(60_000);
      return { name, answers: client.received.toString("latin1").split("HTTP/1.1 200 OK").length - 1 };
    }),
  );
  expect(got).toEqual(cases.map(([name, , answers]) => ({ name, answers })));
});
