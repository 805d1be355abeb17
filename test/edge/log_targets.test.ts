import { expect, test } from "bun:test";
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import { Load } from "../harness/load.ts";
import { Origin } from "../harness/origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

const TO_FILE = 'workers = 2\naccess_log_to = "file:access.log"';
const DROPPED = "trivet_proxy_log_lines_dropped_total";

test("a file that is moved away under load: with USR1 every line is in the old one or the new one", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: TO_FILE });
  const path = join(edge.trivet.folder.path, "access.log");
  const load = Load.start({ port: edge.port, keepAlive: 4 });
  await until(() => load.result.ok > 500, "some requests");
  renameSync(path, `${path}.1`);
  edge.trivet.signal("SIGUSR1");
  await until(() => existsSync(path) && readFileSync(path).length > 10_000, "lines in the new file");
  const { ok, failed } = await load.stop();
  expect(failed).toBe(0);
  expect(await edge.trivet.stop()).toBe(0);
  const lines = [`${path}.1`, path].flatMap((file) => edge.lines(readFileSync(file, "utf8")));
  expect(new Set(lines.map(({ id }) => id)).size).toBe(ok);
});

test("a full disk: requests go on, lines wait, and are written when there is room", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: TO_FILE });
  const path = join(edge.trivet.folder.path, "access.log");
  unlinkSync(path);
  symlinkSync("/dev/full", path);
  edge.trivet.signal("SIGUSR1");
  const children = await edge.dataPlane();
  await until(() => children.every((pid) => filesOf(pid).includes("/dev/full")), "the full disk is open");
  const requests = 2000;
  expect(await Load.start({ port: edge.port, requests, keepAlive: 4 }).done()).toMatchObject({
    ok: requests,
  });
  unlinkSync(path);
  edge.trivet.signal("SIGUSR1");
  await until(
    () => existsSync(path) && edge.lines(readFileSync(path, "utf8")).length === requests,
    "all lines",
  );
  expect(await (await edge.trivet.admin("/metrics")).text()).toContain(`${DROPPED} 0`);
});

test("whatever a client says of itself, its line is JSON; no secrets in it", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  const agent = 'odd "agent\\ \xff\xfe\xe9';
  const secrets = "Cookie: sid=geheim\r\nAuthorization: Basic geheim\r\nX-Api-Key: geheim\r\n";
  const odd = `User-Agent: ${agent}\r\nReferer: /from?a="b"  \r\n`;
  expect((await edge.get("/x", "a.test", `${odd}${secrets}`)).status).toBe(200);
  expect((await edge.get("/y", "a.test", `User-Agent: ${"\xff".repeat(9000)}\r\n`)).status).toBe(200);
  await edge.trivet.stop();
  const [line = {}, long = {}] = edge.lines();
  expect(String(line["user_agent"])).toStartWith('odd "agent\\ ');
  expect(line).toMatchObject({
    referer: '/from?a="b"',
    state: "----",
    queue_ms: 0,
    connect_ms: expect.any(Number),
  });
  expect(JSON.stringify(long).length).toBeLessThan(4096);
  expect(edge.trivet.stdout).not.toContain("geheim");
  expect(edge.trivet.stdout).toMatch(/^[ -~\n]*$/);
});

test("connections without a byte are logged where that is asked for", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    proxy: "log_null_connections = true",
  });
  using client = await edge.open();
  client.close();
  await until(() => edge.lines().length === 1, "the line");
  expect(edge.lines()[0]).toMatchObject({ status: 400, ended: "client_left", state: "CR--", bytes_out: 0 });
});

test("an exchange that outlives drain_timeout is answered and logged", async () => {
  let asked = 0;
  await using origin = Origin.start("a", () => {
    asked++;
    return new Promise<Response>(() => undefined);
  });
  await using edge = await EdgeSite.start({ servers: [origin.address], proxy: 'drain_timeout = "300ms"' });
  using client = await edge.open();
  client.send("GET /hang HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await until(() => asked === 1, "the server is asked");
  expect(await edge.trivet.stop()).toBe(0);
  expect((await client.response()).status).toBe(503);
  expect(edge.lines()[0]).toMatchObject({ status: 503, ended: "drain_deadline", state: "KH--" });
});

function filesOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).map((fd) => readlinkSync(join(folder, fd)));
}
