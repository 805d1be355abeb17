/** A client that asks for much at once does not hold the others up. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

const ASK = "GET / HTTP/1.1\r\nHost:a\r\n\r\n";
const FLOOD = 40_000;
/** More than this fits into what the edge reads first. */
const BEFORE_MAX = 1000;
const FIRST_BYTES = 1500 * ASK.length;

const TABLES = `[[proxy.route]]
respond = { status = 200, body = "own" }
[[proxy.route]]
path_prefix = "/other"
redirect = { to = "https://example.com", status = 301 }
`;

test("requests of others are answered before a flood that came first", async () => {
  await using edge = await EdgeSite.start({ servers: ["127.0.0.1:1"], tables: TABLES });
  using flood = await edge.open();
  const others = await Promise.all(Array.from({ length: 4 }, () => edge.open()));
  for (const client of [flood, ...others]) {
    client.send(ASK);
    expect((await client.response()).status).toBe(200);
  }
  await until(() => edge.lines().length === 5, "all connections are in use");
  const [pid = 0] = await edge.dataPlane();
  process.kill(pid, "SIGSTOP");
  flood.send(ASK.repeat(FLOOD));
  await until(() => unread(edge.port, flood.localPort) > FIRST_BYTES, "the flood is there");
  for (const client of others) {
    client.send("GET /other HTTP/1.1\r\nHost:a\r\n\r\n");
    await until(() => unread(edge.port, client.localPort) > 0, "another request is there");
  }
  process.kill(pid, "SIGCONT");
  for (const client of others) expect((await client.response()).status).toBe(301);
  const isOther = ({ status }: Record<string, unknown>) => status === 301;
  await until(() => edge.lines().filter(isOther).length === others.length, "their lines");
  expect(edge.lines().findLastIndex(isOther)).toBeLessThan(BEFORE_MAX);
  const answer = "HTTP/1.1 200 OK";
  await until(
    () => flood.received.toString("latin1").split(answer).length - 1 === FLOOD,
    "all of the flood is answered",
    60_000,
  );
  for (const client of others) client.close();
});

/** Bytes that a process has not read from the connection between these two ports of this machine (proc_net_tcp). */
function unread(localPort: number, remotePort: number): number {
  const portOf = (address = "") => Number.parseInt(address.split(":")[1] ?? "", 16);
  for (const line of readFileSync("/proc/net/tcp", "utf8").split("\n")) {
    const [, local, remote, , queues = ""] = line.trim().split(/\s+/);
    if (portOf(local) === localPort && portOf(remote) === remotePort)
      return Number.parseInt(queues.split(":")[1] ?? "", 16);
  }
  return 0;
}
