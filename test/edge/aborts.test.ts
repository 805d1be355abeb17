import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

const LARGE = 4 * 1024 * 1024;
const HEAD = "Host: a.test\r\n";

/** Answers /large with a large body, /never not at all, everything else once the body has come. */
function startOrigin(): RawOrigin {
  return RawOrigin.start((connection) => {
    const text = connection.received.toString("latin1");
    if (text.startsWith("GET /large")) {
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`);
      connection.send(Buffer.alloc(LARGE, "x"));
    } else if (text.startsWith("GET /quick"))
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    else return;
    connection.received = Buffer.alloc(0);
  });
}

async function openConnections(edge: EdgeSite): Promise<number> {
  const text = await (await edge.trivet.admin("/metrics")).text();
  return Number(/^trivet_proxy_connections_open (\d+)$/m.exec(text)?.[1]);
}

test("a client that leaves within its upload: the server never takes the body for whole", async () => {
  using origin = startOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  for (const how of ["reset", "close"] as const) {
    using client = await edge.open();
    client.send(`POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`);
    await until(() => origin.connections.at(-1)?.received.includes("hello"), "the server has a part");
    client[how]();
    await until(() => origin.connections.at(-1)?.ended, "the server's connection ends");
    expect(origin.connections.at(-1)?.received.toString("latin1")).not.toContain("0\r\n\r\n");
  }
});

test("a client that leaves before its answer: the server's work is given up at once", async () => {
  using origin = startOrigin();
  const tables = '[proxy.timeouts]\nserver = "1h"\n';
  await using edge = await EdgeSite.start({ servers: [origin.address], tables });
  using client = await edge.open();
  client.send(`GET /never HTTP/1.1\r\n${HEAD}\r\n`);
  await until(() => origin.connections[0]?.received.length, "the server is asked");
  client.reset();
  await until(() => origin.connections[0]?.ended, "the server's connection ends");
});

test("clients that leave at every moment leave nothing behind", async () => {
  using origin = startOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: 'access_log = "off"' });
  expect((await edge.get("/quick")).status).toBe(200);
  const [pid = 0] = await edge.dataPlane();
  const descriptors = () => readdirSync(`/proc/${pid}/fd`).length;
  await until(async () => (await openConnections(edge)) === 0, "nobody is there");
  const before = descriptors();
  const starts = [
    "",
    "GET /quick HT",
    `GET /quick HTTP/1.1\r\n${HEAD}`,
    `GET /never HTTP/1.1\r\n${HEAD}\r\n`,
    `GET /large HTTP/1.1\r\n${HEAD}\r\n`,
    `GET /quick HTTP/1.1\r\n${HEAD}\r\n`.repeat(50),
    `POST /up HTTP/1.1\r\n${HEAD}Content-Length: 1000000\r\n\r\nhalf`,
    `POST /up HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhel`,
    `POST /up HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\nxyz`,
    "not http\r\n\r\n",
  ];
  for (let round = 0; round < 30; round++) {
    await Promise.all(
      starts.map(async (start, i) => {
        using client = await edge.open();
        client.send(start);
        if ((round + i) % 3 > 0) await Bun.sleep((round + i) % 7);
        if (i % 2 === 0) client.close();
      }),
    );
  }
  await until(async () => (await openConnections(edge)) === 0, "all are gone");
  expect((await edge.get("/quick")).status).toBe(200);
  // Connections kept for reuse may be there beyond the start, until they have been idle too long.
  const few = () => descriptors() <= before + starts.length;
  await until(few, `descriptors: ${before} before, ${descriptors()} now`, 100_000);
}, 240_000);

test("servers that leave at every moment leave nothing behind, and every client hears of it", async () => {
  const moments = [
    "",
    "HTTP/1.1 2",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
  ];
  let asked = 0;
  using origin = RawOrigin.start((connection) => {
    const moment = asked++;
    connection.send(moments[moment % moments.length] ?? "");
    if (moment % 3 === 0) connection.reset();
    else connection.end();
  });
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: 'access_log = "off"' });
  const [pid = 0] = await edge.dataPlane();
  const before = readdirSync(`/proc/${pid}/fd`).length;
  await Promise.all(
    Array.from({ length: 200 }, async () => {
      using client = await edge.open();
      client.send(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 0\r\nConnection: close\r\n\r\n`);
      await client.closed();
    }),
  );
  expect(asked).toBe(200);
  await until(async () => (await openConnections(edge)) === 0, "all are gone");
  await until(() => readdirSync(`/proc/${pid}/fd`).length <= before, "no descriptor is left");
});

test("200 slow clients do not hold up a quick one", async () => {
  using origin = startOrigin();
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: 'access_log = "off"' });
  const slow = await Promise.all(Array.from({ length: 200 }, () => edge.open()));
  const drip = setInterval(() => {
    for (const client of slow) client.send("X");
  }, 20);
  try {
    for (let i = 0; i < 50; i++) expect((await edge.get("/quick")).status).toBe(200);
  } finally {
    clearInterval(drip);
    for (const client of slow) client[Symbol.dispose]();
  }
});
