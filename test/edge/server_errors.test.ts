/** What an operator sees of servers that fail: by server, by reason, and by backend. */
import { expect, test } from "bun:test";
import { freePort } from "../harness/free_port.ts";
import { Origin } from "../harness/origin.ts";
import { RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

interface Listed {
  name: string;
  traffic?: { requestsPerS: number; p99Ms?: number };
  servers: {
    address: string;
    errors: {
      "5xx": number;
      refused: number;
      timeouts: number;
      broken: number;
      last?: { reason: string; atMs: number };
    };
  }[];
}

async function listed(edge: EdgeSite): Promise<Listed[]> {
  return JSON.parse((await edge.trivet.run(["backend", "ls", "--json"])).stdout) as Listed[];
}

const OK = "HTTP/1.1 200 OK\r\n";
const BROKEN: readonly (readonly [answer: string, reason: string])[] = [
  [`${OK}A: ${"b".repeat(70_000)}\r\n\r\n`, "head over 64 KiB"],
  [`${OK}${"A: b\r\n".repeat(1100)}\r\n`, "more than 1000 fields"],
  ["SSH-2.0-OpenSSH_9.2\r\n", "not HTTP/1"],
  ["HTTP/1.1 99 Low\r\n\r\n", "malformed status line"],
  [`${OK}A : b\r\n\r\n`, "malformed field line"],
  [`${OK}Content-Length: many\r\n\r\n`, "malformed Content-Length"],
  [`${OK}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`, "several Content-Length"],
  [`${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx`, "Content-Length with Transfer-Encoding"],
  [`${OK}Transfer-Encoding: gzip\r\n\r\n`, "Transfer-Encoding other than chunked"],
  ["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding from HTTP/1.0"],
  [`${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, "malformed chunk"],
  ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "101 without an Upgrade"],
];

test("the access line of a bad response names the rule that was broken, and so does backend ls", async () => {
  let answer = "";
  using origin = RawOrigin.start((connection, bytes) => {
    if (bytes.includes("\r\n\r\n")) connection.send(answer);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address], backend: "retries = 0" });
  for (const [bad] of BROKEN) {
    answer = bad;
    expect((await edge.get()).status).toBe(502);
  }
  await until(() => edge.lines().length === BROKEN.length, "every line is there");
  expect(edge.lines().map((line) => [line["ended"], line["reason"]])).toEqual(
    BROKEN.map(([, reason]) => ["bad_response", reason]),
  );
  answer = `${OK}Content-Length: 1\r\n\r\nx`;
  expect((await edge.get()).status).toBe(200);
  await until(() => edge.lines().length === BROKEN.length + 1, "the last line is there");
  expect(edge.lines().at(-1)).not.toHaveProperty("reason");
  const [a] = await listed(edge);
  expect(a?.servers[0]?.errors).toMatchObject({
    broken: BROKEN.length,
    "5xx": 0,
    last: { reason: "bad_response: 101 without an Upgrade" },
  });
});

test("backend ls shows errors by server and percentiles by backend", async () => {
  const fine = Origin.start("fine");
  using faulty = RawOrigin.answering("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  using cutting = RawOrigin.start((connection) => {
    connection.send(`${OK}Content-Length: 9\r\n\r\nhalf`);
    connection.end();
  });
  using silent = RawOrigin.start(() => undefined);
  const nobody = `127.0.0.1:${await freePort()}`;
  const names = ["faulty", "cutting", "silent", "nobody"];
  const addresses = [faulty.address, cutting.address, silent.address, nobody];
  await using edge = await EdgeSite.start({
    servers: [fine.address],
    tables: [
      '[[proxy.route]]\nbackend = "a"',
      ...names.map(
        (name, i) => `[[proxy.route]]\npath_prefix = "/${name}"\nbackend = "${name}"
[backend.${name}]\nservers = ["${addresses[i]}"]\nretries = 0\ntimeouts = { server = "200ms" }`,
      ),
    ].join("\n"),
  });
  for (let i = 0; i < 3; i++) expect((await edge.get("/")).status).toBe(200);
  expect((await edge.get("/faulty")).status).toBe(503);
  await edge.get("/cutting").catch(() => undefined);
  expect((await edge.get("/silent")).status).toBe(504);
  expect((await edge.get("/nobody")).status).toBe(502);
  await until(() => edge.lines().length === 7, "all are done");
  const all = await listed(edge);
  const errorsOf = (name: string) => all.find((one) => one.name === name)?.servers[0]?.errors;
  const none = { "5xx": 0, refused: 0, timeouts: 0, broken: 0 };
  expect(errorsOf("a")).toEqual(none);
  expect(errorsOf("faulty")).toMatchObject({ ...none, "5xx": 1, last: { reason: "503" } });
  expect(errorsOf("cutting")).toMatchObject({ ...none, broken: 1, last: { reason: "truncated" } });
  expect(errorsOf("silent")).toMatchObject({ ...none, timeouts: 1, last: { reason: "server_timeout" } });
  expect(errorsOf("nobody")).toMatchObject({ ...none, refused: 1, last: { reason: "connect_failed" } });
  const p99 = (name: string) => all.find((one) => one.name === name)?.traffic?.p99Ms ?? 0;
  expect(p99("silent")).toBeGreaterThan(100);
  expect(p99("a")).toBeGreaterThan(0);
  const table = (await edge.trivet.run(["backend", "ls"])).stdout;
  expect(table).toMatch(/5XX +REFUSED +TIMEOUTS +BROKEN +LAST ERROR/);
  expect(table).toMatch(/^faulty .* 1 +0 +0 +0 +503, \d+s ago$/m);
  expect(table).toMatch(/^silent +[\d.]+ +[\d.]+ +[\d.]+ ms +[\d.]+ ms +\d+s$/m);
  expect((await edge.trivet.run(["status"])).stdout).toMatch(/^all .*\n(.*\n)*?silent /m);
  const metrics = await (await edge.trivet.admin("/metrics")).text();
  expect(metrics).toContain(
    `trivet_proxy_server_errors_total{backend="nobody",server="${nobody}",reason="connect_failed"} 1`,
  );
  await fine.stop();
});
