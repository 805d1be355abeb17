import { expect, test } from "bun:test";
import { Origin } from "../harness/origin.ts";
import { type OriginConnection, RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EchoOrigin } from "./echo_origin.ts";
import { configOf, EdgeSite } from "./edge_site.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const ADMIN = '\n[admin]\ndir = "run"\nhttp = ""\n';
const route = (keys: string) => `[[proxy.route]]\n${keys}\n`;
const TO_A = 'backend = "a"\n';

test("a reload puts a route's rules in force and takes them back; a bad one changes nothing", async () => {
  using origin = new EchoOrigin();
  const servers = [origin.address];
  await using edge = await EdgeSite.start({ servers, tables: route(TO_A) });
  using client = await edge.open();
  const reload = async (keys: string) => {
    await edge.trivet.folder.write(
      "trivet.toml",
      configOf(edge.port, { servers, tables: route(keys) }) + ADMIN,
    );
    return await edge.trivet.run(["reload"]);
  };
  const ask = async (method = "GET") => {
    client.send(`${method} /x HTTP/1.1\r\nHost: a.test\r\n\r\n`);
    const { status, headers, body } = await client.response(method);
    return { status, headers, body: body.toString() };
  };
  for (let round = 0; round < 2; round++) {
    expect((await reload(`${TO_A}methods = ["PUT"]`)).code).toBe(0);
    expect(await ask()).toMatchObject({ status: 405 });
    expect((await reload('redirect = { to = "https://b.test" }')).code).toBe(0);
    expect((await ask()).headers.get("location")).toBe("https://b.test/x");
    expect((await reload('respond = { body = "hi" }\nheaders.response = { X-A = "b" }')).code).toBe(0);
    expect(await ask()).toMatchObject({ status: 200, body: "hi" });
    expect((await reload(`${TO_A}deny = ["127.0.0.0/8"]`)).code).toBe(0);
    expect(await ask()).toMatchObject({ status: 403 });
    const bad = await reload(`${TO_A}respond = {}\nmethods = ["get"]\nallow = ["x"]`);
    expect(bad.code).toBeGreaterThan(0);
    expect(bad.stderr.trim().split("\n")).toHaveLength(3);
    expect(await ask()).toMatchObject({ status: 403 });
    expect(
      (await reload(`${TO_A}path_prefix = "/x"\nstrip_prefix = true\nheaders.request = { X-A = "1" }`)).code,
    ).toBe(0);
    expect(await ask()).toMatchObject({ status: 200, body: "ok" });
    expect(origin.requests.at(-1)?.target).toBe("/");
    expect(origin.lastFields().get("x-a")).toEqual(["1"]);
    expect((await reload(TO_A)).code).toBe(0);
    expect(await ask()).toMatchObject({ status: 200, body: "ok" });
    expect(origin.requests.at(-1)?.target).toBe("/x");
    expect(origin.lastFields().get("x-a")).toBeUndefined();
  }
}, 120_000);

test("servers of a backend that a reload takes away finish what they have, and are left then", async () => {
  const asked: OriginConnection[] = [];
  using origin = RawOrigin.start((connection, bytes) => {
    if (bytes.includes("/slow")) asked.push(connection);
    else connection.send(OK);
  });
  await using other = Origin.start("b");
  await using edge = await EdgeSite.start({ servers: [{ address: origin.address, max_connections: 2 }] });
  const clients = await Promise.all(Array.from({ length: 3 }, () => edge.open()));
  for (const client of clients.slice(0, 2)) client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await until(() => asked.length === 2, "the server is full");
  clients[2]?.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await until(
    async () => (await (await edge.trivet.admin("/metrics")).text()).includes('queue_length{backend="a"} 1'),
    "the third waits",
  );
  const next = configOf(edge.port, { servers: [other.address] })
    .replace('backend = "a"', 'backend = "b"')
    .replace("[backend.a]", "[backend.b]");
  await edge.trivet.folder.write("trivet.toml", next + ADMIN);
  expect((await edge.trivet.run(["reload"])).code).toBe(0);
  expect((await edge.get()).body.toString()).toBe("b");
  for (let answered = 0; answered < 3; answered++) {
    await until(() => asked.length > answered, "it is asked");
    asked[answered]?.send(OK);
  }
  for (const client of clients) expect((await client.response()).status).toBe(200);
  await until(() => origin.connections.every(({ ended }) => ended), "no connection is left");
  for (const client of clients) client.close();
});

test("trivet status does not tell what a route sets in headers", async () => {
  using origin = new EchoOrigin();
  const tables = route(`${TO_A}headers.request = { Authorization = "Bearer hush" }`);
  await using edge = await EdgeSite.start({ servers: [origin.address], tables });
  await edge.get();
  expect(origin.lastFields().get("authorization")).toEqual(["Bearer hush"]);
  expect(JSON.stringify(await edge.status())).not.toContain("hush");
  expect(edge.trivet.stdout + edge.trivet.stderr).not.toContain("hush");
});
