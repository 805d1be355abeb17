import { expect, test } from "bun:test";
import { freePort } from "../harness/free_port.ts";
import { RawConnection } from "../harness/raw_connection.ts";
import { type OriginConnection, RawOrigin } from "../harness/raw_origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";
import { HaProxy, halog } from "./haproxy.ts";

/** The line of `option httplog`, field by field, as HAProxy's manual describes it (section 8.2.3). */
const LINE = new RegExp(
  [
    String.raw`^(?<client>[\d.]+):(?<port>[1-9]\d*)`,
    String.raw` \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\]`,
    String.raw` (?<frontend>[^\s/]+) (?<backend>[^\s/]+)/(?<server>[^\s/]+)`,
    String.raw` (?<head>-1|\d+)/(?<queue>-1|\d+)/(?<connect>-1|\d+)/(?<response>-1|\d+)/(?<active>\d+)`,
    String.raw` (?<status>\d{3}) (?<bytes>\d+) - - (?<state>[-CSPLRIDUKcs][-RQCHDLT]--)`,
    String.raw` \d+/\d+/\d+/\d+/(?<retries>\+?\d+) (?<serverQueue>\d+)/(?<backendQueue>\d+)`,
    String.raw` "(?<request><BADREQ>|[!-~]+ [!-~]+ HTTP/1\.[01])"$`,
  ].join(""),
);

const QUEUED = 'trivet_proxy_queue_length{backend="patient"} 1';
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`;
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const SLOW_MS = 150;
const PART = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";

function hostileOrigin(): RawOrigin {
  return RawOrigin.start((connection, bytes) => {
    const path = bytes.toString("latin1").split(" ")[1] ?? "";
    if (path.endsWith("/hang")) return;
    if (path === "/close") return connection.end();
    if (path === "/reset") return connection.reset();
    if (path === "/slow") return void setTimeout(() => connection.send(OK), SLOW_MS);
    if (path === "/nonsense") connection.send("HTTP/1.1 abc\r\n\r\n");
    else if (path === "/stall" || path === "/cut" || path === "/drip") connection.send(PART);
    else connection.send(OK);
    if (path === "/nonsense" || path === "/cut") connection.end();
    // HAProxy notices that its client has gone when it can't write to it any more.
    if (path === "/drip") drip(connection);
  });
}

function drip(connection: OriginConnection): void {
  if (connection.ended) return;
  connection.send(".");
  setTimeout(() => drip(connection), 50);
}

type Act = (client: RawConnection) => Promise<void>;
const closes: Act = (client) => client.closed();
const answered: Act = async (client) => {
  await client.response();
};
const leavesWithinAnswer: Act = async (client) => {
  await client.arrived(PART.length);
  client.reset();
};

/** Short enough to be waited for, and longer than a busy machine holds one of the processes up. */
const TIMEOUT = "3s";

/** What is sent, what the client does then, and what of the line both proxies agree on. */
const CASES: [string, string, Act, string][] = [
  ["an answer", get("/ok?a=b"), answered, "server 0/0/0/0 200 ---- 0 GET /ok?a=b HTTP/1.1"],
  [
    "another host's form of the target",
    "GET http://a.test/abs HTTP/1.1\r\nHost: a.test\r\n\r\n",
    answered,
    "server 0/0/0/0 200 ---- 0 GET http://a.test/abs HTTP/1.1",
  ],
  ["a slow server", get("/slow"), answered, "server 0/0/0/0 200 ---- 0 GET /slow HTTP/1.1"],
  ["a server that closes", get("/close"), answered, "server 0/0/0/- 502 SH-- 0 GET /close HTTP/1.1"],
  ["a server that resets", get("/reset"), answered, "server 0/0/0/- 502 SH-- 0 GET /reset HTTP/1.1"],
  ["a silent server", get("/hang"), answered, "server 0/0/0/- 504 sH-- 0 GET /hang HTTP/1.1"],
  ["nonsense", get("/nonsense"), answered, "server 0/0/0/- 502 PH-- 0 GET /nonsense HTTP/1.1"],
  ["half an answer", get("/cut"), closes, "server 0/0/0/0 200 SD-- 0 GET /cut HTTP/1.1"],
  ["an answer that stalls", get("/stall"), closes, "server 0/0/0/0 200 sD-- 0 GET /stall HTTP/1.1"],
  ["a client that leaves", get("/drip"), leavesWithinAnswer, "server 0/0/0/0 200 CD-- 0 GET /drip HTTP/1.1"],
  ["a redirect", get("/moved?a"), answered, "<NOSRV> 0/-/-/- 301 LR-- 0 GET /moved?a HTTP/1.1"],
  ["an answer of its own", get("/own"), answered, "<NOSRV> 0/-/-/- 200 LR-- 0 GET /own HTTP/1.1"],
  ["a client that may not ask", get("/inside"), answered, "<NOSRV> 0/-/-/- 403 PR-- 0 GET /inside HTTP/1.1"],
  ["a refused request", "GET / HTTP/1.1\r\nBad Field\r\n\r\n", closes, "<NOSRV> -/-/-/- 400 PR-- 0 <BADREQ>"],
  ["a slow head", "GET /", answered, "<NOSRV> -/-/-/- 408 cR-- 0 <BADREQ>"],
  ["half a head", "GET /", async (client) => client.shutdown(), "<NOSRV> -/-/-/- 400 CR-- 0 <BADREQ>"],
  ["nothing", "", async (client) => client.close(), "<NOSRV> -/-/-/- 400 CR-- 0 <BADREQ>"],
];

test("the same requests leave the same lines as with HAProxy, and its own tool reads them", async () => {
  using origin = hostileOrigin();
  const port = await freePort();
  await using haproxy = await HaProxy.start(port, haproxyConfig(port, origin.address));
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    backend: "retries = 0",
    tables: `[[proxy.route]]
      backend = "a"
      [[proxy.route]]
      path_prefix = "/moved"
      redirect = { to = "https://new.test", status = 301 }
      [[proxy.route]]
      path_prefix = "/own"
      respond = { body = "hi" }
      [[proxy.route]]
      path_prefix = "/inside"
      allow = ["10.0.0.0/8"]
      backend = "a"`,
    proxy: `access_log = "haproxy"
      log_null_connections = true
      timeouts = { client = "${TIMEOUT}", server = "${TIMEOUT}", request_head = "${TIMEOUT}" }`,
  });
  const linesOf = (port: number, log: () => string) =>
    Promise.all(CASES.map(([what, bytes, act]) => lineOf(port, log, what, bytes, act)));
  const [ours, theirs] = await Promise.all([
    linesOf(edge.port, () => edge.trivet.stdout),
    linesOf(haproxy.port, () => haproxy.stdout),
  ]);
  for (const lines of [ours, theirs])
    expect(CASES.map(([what], i) => [what, summaryOf(lines[i] ?? "")])).toEqual(
      CASES.map(([what, , , expected]) => [what, expected]),
    );
  // What each time says, whatever the machine: proxy/timers.test.ts.
  for (const lines of [ours, theirs]) {
    const slow = LINE.exec(lines.find((line) => line.includes("/slow")) ?? "")?.groups;
    expect(Number(slow?.["response"])).toBeGreaterThanOrEqual(SLOW_MS - 1);
  }
  const codes = await halog(ours, "-q", "-tc");
  expect(await halog(ours, "-c")).toBe(`${ours.length}\n`);
  expect(codes).toBe(await halog(theirs, "-q", "-tc"));
  expect(await halog(ours, "-q", "-st")).toBe(await halog(theirs, "-q", "-st"));
}, 120_000);

test("refused servers: each attempt elsewhere, retries told with a plus", async () => {
  using origin = hostileOrigin();
  await using edge = await EdgeSite.start({
    servers: ["127.0.0.1:1"],
    proxy: 'access_log = "haproxy"',
    backend: "retries = 2",
    tables: `[[proxy.route]]
      backend = "a"
      [[proxy.route]]
      path_prefix = "/two"
      backend = "b"
      [backend.b]
      servers = ["127.0.0.1:1", "${origin.address}"]`,
  });
  const paths = ["/", "/two", "/two"];
  for (const path of paths) await edge.get(path);
  await until(() => httpLines(edge.trivet.stdout).length === paths.length, "the lines");
  const [refused, ...moved] = httpLines(edge.trivet.stdout).map((line) => LINE.exec(line)?.groups ?? {});
  expect(refused).toMatchObject({ server: "127.0.0.1:1", connect: "-1", state: "SC--", retries: "2" });
  // In turn: at least one of the two began with the server that refuses.
  expect(moved.every(({ server, status }) => server === origin.address && status === "200")).toBeTrue();
  expect(moved.map(({ retries }) => retries)).toContain("+1");
});

test("a full server: who waited and gave up, and who waited and was served", async () => {
  using origin = hostileOrigin();
  const small = `servers = [{ address = "${origin.address}", max_connections = 1 }]\nretries = 0`;
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    proxy: 'access_log = "haproxy"',
    tables: `[[proxy.route]]
      backend = "hasty"
      [[proxy.route]]
      path_prefix = "/patient"
      backend = "patient"
      [backend.hasty]
      ${small}
      timeouts.queue = "300ms"
      [backend.patient]
      ${small}
      timeouts.queue = "10m"`,
  });
  using first = await edge.open();
  first.send(get("/hang"));
  await until(() => origin.connections.length === 1, "the server is busy");
  expect((await edge.get("/late")).status).toBe(503);
  using second = await edge.open();
  second.send(get("/patient/hang"));
  await until(() => origin.connections.length === 2, "it is busy there too");
  using third = await edge.open();
  third.send(get("/patient/served"));
  await until(
    async () => (await (await edge.trivet.admin("/metrics")).text()).includes(QUEUED),
    "the third one waits",
  );
  // So that its wait is one that the log can tell.
  await Bun.sleep(20);
  origin.connections[1]?.send(OK);
  expect((await second.response()).status).toBe(200);
  expect((await third.response()).status).toBe(200);
  await until(() => httpLines(edge.trivet.stdout).length === 3, "the lines");
  const found = httpLines(edge.trivet.stdout).map((line) => LINE.exec(line)?.groups ?? {});
  const of = (path: string) => found.find(({ request }) => request?.includes(path)) ?? {};
  expect(of("/late")).toMatchObject({ state: "sQ--", server: "<NOSRV>", connect: "-1", backendQueue: "0" });
  expect(Number(of("/late")["queue"])).toBeGreaterThanOrEqual(300);
  expect(of("/served")).toMatchObject({ state: "----", status: "200" });
  expect(Number(of("/served")["queue"])).toBeGreaterThan(10);
});

/** What one client's request leaves in a log. */
async function lineOf(
  port: number,
  log: () => string,
  what: string,
  bytes: string,
  act: Act,
): Promise<string> {
  using client = await RawConnection.open(port);
  const from = `127.0.0.1:${client.localPort} `;
  if (bytes) client.send(bytes);
  await act(client);
  client.close();
  return await until(() => httpLines(log()).find((line) => line.startsWith(from)), `the line of ${what}`);
}

function httpLines(text: string): string[] {
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => /^\d/.test(line));
}

/** A line without what differs from run to run: any time is 0. */
function summaryOf(line: string): string {
  const groups = LINE.exec(line)?.groups;
  if (!groups) return line;
  const { head, queue, connect, response, server, status, state, retries, request } = groups;
  const times = [head, queue, connect, response].map((ms) => (ms === "-1" ? "-" : "0"));
  return [server === "<NOSRV>" ? server : "server", times.join("/"), status, state, retries, request].join(
    " ",
  );
}

function haproxyConfig(port: number, server: string): string {
  return `global
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  retries 0
  timeout connect 5s
  timeout client ${TIMEOUT}
  timeout server ${TIMEOUT}
  timeout http-request ${TIMEOUT}
frontend web
  bind 127.0.0.1:${port}
  http-request redirect code 301 prefix https://new.test if { path /moved }
  http-request return status 200 content-type text/plain string hi if { path /own }
  http-request deny deny_status 403 if { path /inside }
  default_backend a
backend a
  server s ${server}
`;
}
