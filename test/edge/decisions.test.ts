/** What is decided of a request holds until it is answered, whatever else comes in the meantime. */
import { expect, test } from "bun:test";
import { type OriginConnection, RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { configOf, EdgeSite } from "./edge_site.ts";

const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
const ADMIN = '\n[admin]\ndir = "run"\nhttp = ""\n';
const AT_ONCE = 24;

/** A server that speaks h2c, and takes every offer of it. */
const speaksH2c = () =>
  RawOrigin.start((connection, bytes) => connection.send(/^upgrade:/im.test(bytes.toString()) ? SWITCH : OK));

test.each([
  ["h2c", ""],
  ["websocket, h2c", ""],
  [", h2c", ""],
  ["TLS/1.0, HTTP/1.1", ""],
  ["websocket", "Content-Length: 1\r\n"],
  ["foo h2c", ""],
  ['"h2c"', ""],
  ["h2c-16", ""],
  ["", ""],
])("Upgrade: %s %j on many connections at once: none becomes a tunnel", async (protocols, length) => {
  using origin = speaksH2c();
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  const clients = await Promise.all(Array.from({ length: AT_ONCE }, () => edge.open()));
  const body = length ? "x" : "";
  for (const client of clients) {
    client.send(
      `GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: ${protocols}\r\n${length}\r\n${body}`,
    );
  }
  const statuses = await Promise.all(clients.map(async (client) => (await client.response()).status));
  expect(statuses).toEqual(Array.from({ length: AT_ONCE }, () => 200));
  for (const { received } of origin.connections) expect(received.toString()).not.toMatch(/^upgrade:/im);
  for (const client of clients) client.close();
});

test("Upgrade means nothing in HTTP/1.0", async () => {
  using origin = speaksH2c();
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using client = await edge.open();
  client.send("GET / HTTP/1.0\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  expect((await client.response()).status).toBe(200);
});

test.each(["h2c", "other", "websocket, other", ""])(
  "a server can't choose %j where websocket was offered",
  async (chosen) => {
    using origin = RawOrigin.answering(SWITCH.replace("h2c", chosen));
    await using edge = await EdgeSite.start({ servers: [origin.address] });
    const fields = "Upgrade: websocket\r\n";
    using client = await edge.open();
    client.send(`GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\n${fields}\r\n`);
    expect((await client.response()).status).toBe(502);
  },
);

test("a request that waited while the limits became narrower is sent as it came", async () => {
  const asked: OriginConnection[] = [];
  using origin = RawOrigin.start((connection, bytes) => {
    if (bytes.includes("\r\n\r\n")) asked.push(connection);
  });
  const servers = [{ address: origin.address, max_connections: 1 }];
  const proxy = 'timeouts.queue = "10m"';
  await using edge = await EdgeSite.start({ servers, proxy });
  using first = await edge.open();
  first.send("GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await until(() => asked.length === 1, "the server is full");
  using second = await edge.open();
  second.send(
    "PUT /second HTTP/1.1\r\nHost: a.test\r\nX-Owner: second\r\nX-A: 1\r\nX-B: 2\r\nContent-Length: 40\r\n\r\n",
  );
  const waits = async () =>
    (await (await edge.trivet.admin("/metrics")).text()).includes('trivet_proxy_queue_length{backend="a"} 1');
  await until(waits, "the second waits");
  const narrow = configOf(edge.port, {
    servers,
    proxy: `${proxy}\nlimits.headers = 3\nlimits.target = "64B"\nlimits.body = "10B"`,
  });
  await edge.trivet.folder.write("trivet.toml", narrow + ADMIN);
  expect((await edge.trivet.run(["reload"])).code).toBe(0);
  // A stranger's head is read meanwhile.
  using third = await edge.open();
  third.send("GET /health HTTP/1.1\r\nHost: a.test\r\nX-Owner: third\r\nX-Forwarded-For: 6.6.6.6\r\n");
  second.send("x".repeat(40));
  asked[0]?.send(OK);
  expect((await first.response()).status).toBe(200);
  await until(() => asked.length === 2, "the second is sent");
  await until(() => asked[1]?.received.includes("x".repeat(40)), "with its body");
  const sent = asked[1]?.received.toString().split("/second")[1] ?? "";
  for (const line of ["X-Owner: second", "X-A: 1", "X-B: 2", "Content-Length: 40"])
    expect(sent).toContain(`\r\n${line}\r\n`);
  expect(sent).not.toContain("third");
  expect(sent).not.toContain("6.6.6.6");
  asked[1]?.send(OK);
  expect((await second.response()).status).toBe(200);
});

test("a request that goes out again after others were read is the same", async () => {
  let drops = true;
  const asked: OriginConnection[] = [];
  using origin = RawOrigin.start((connection, bytes) => {
    const text = bytes.toString();
    if (text.includes("GET /mine") && drops) asked.push(connection);
    else connection.send(OK);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  using mine = await edge.open();
  using other = await edge.open();
  for (const client of [mine, other]) {
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    expect((await client.response()).status).toBe(200);
  }
  mine.send("GET /mine HTTP/1.1\r\nHost: a.test\r\nX-Owner: mine\r\nX-Long: a\r\nX-End: b\r\n\r\n");
  await until(() => asked.length === 1, "the server has it");
  other.send("GET /other HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 6.6.6.6\r\nX-Owner: other\r\n\r\n");
  expect((await other.response()).status).toBe(200);
  drops = false;
  asked[0]?.end();
  expect((await mine.response()).status).toBe(200);
  const again = origin.connections.map(({ received }) => received.toString()).join("");
  const sent = again.split("GET /mine ");
  expect(sent).toHaveLength(3);
  for (const copy of sent.slice(1)) {
    const [head = ""] = copy.split("\r\n\r\n");
    expect(head).toContain("\r\nX-Owner: mine\r\nX-Long: a\r\nX-End: b\r\n");
    expect(head).not.toContain("6.6.6.6");
  }
});
