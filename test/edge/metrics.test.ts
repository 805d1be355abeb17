import { expect, test } from "bun:test";
import { freePort } from "../harness/free_port.ts";
import { Load } from "../harness/load.ts";
import { Origin } from "../harness/origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

/** "name{labels}" → value. */
async function scrape(edge: EdgeSite): Promise<Map<string, number>> {
  const response = await edge.trivet.admin("/metrics");
  expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
  const text = await response.text();
  const rows = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  for (const row of rows) expect(row).toMatch(/^[a-z_]+(?:\{(?:[a-z_]+="[^"]*",?)*\})? [0-9.e+-]+$/);
  return new Map(
    rows.map((row) => [row.slice(0, row.lastIndexOf(" ")), Number(row.slice(row.lastIndexOf(" ") + 1))]),
  );
}

function sumOf(metrics: Map<string, number>, ...parts: string[]): number {
  return [...metrics]
    .filter(([key]) => parts.every((part) => key.includes(part)))
    .reduce((sum, [, value]) => sum + value, 0);
}

test("counters are summed over the processes, and over those that died", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    proxy: 'workers = 2\naccess_log = "off"',
  });
  await Load.start({ port: edge.port, requests: 500, keepAlive: 8 }).done();
  const counted = () =>
    scrape(edge).then((metrics) =>
      sumOf(metrics, "trivet_proxy_requests_total", 'backend="a"', 'status="2xx"'),
    );
  await until(async () => (await counted()) === 500, "500 are counted");
  const [pid = 0] = await edge.dataPlane();
  // The counts of the last beat are kept; what came after it dies with the process.
  process.kill(pid, "SIGKILL");
  await until(
    async () => (await edge.dataPlane()).length === 2 && !(await edge.dataPlane()).includes(pid),
    "it is back",
  );
  expect(await counted()).toBeLessThanOrEqual(500);
  const before = await counted();
  await Load.start({ port: edge.port, requests: 100, fresh: 4 }).done();
  await until(async () => (await counted()) === before + 100, "100 more are counted");
}, 120_000);

test("statuses, times, connections and bytes are there", async () => {
  await using origin = Origin.start(
    "a",
    (request) => new Response("x", { status: request.url.endsWith("/no") ? 404 : 200 }),
  );
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  for (const path of ["/", "/no", "/no"]) await edge.get(path);
  const metrics = await until(async () => {
    const found = await scrape(edge);
    return sumOf(found, "trivet_proxy_requests_total", 'backend="a"') === 3 ? found : undefined;
  }, "three are counted");
  expect(sumOf(metrics, "trivet_proxy_requests_total", 'status="4xx"')).toBe(2);
  expect(sumOf(metrics, "trivet_proxy_request_seconds_count")).toBe(3);
  expect(sumOf(metrics, "trivet_proxy_request_seconds_bucket", 'le="+Inf"')).toBe(3);
  expect(sumOf(metrics, "trivet_proxy_connections_total")).toBe(3);
  expect(sumOf(metrics, "trivet_proxy_response_bytes_total")).toBeGreaterThan(3);
});

test("trivet status shows the listener, the servers with their last check, and the processes", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    proxy: "workers = 2",
    tables: '[backend.a.health]\ninterval = "50ms"\n',
  });
  await until(() => origin.checks > 0, "a check");
  const { code, stdout } = await until(async () => {
    const result = await edge.trivet.run(["status"]);
    return result.stdout.includes("200") ? result : undefined;
  }, "the check is shown");
  expect(code).toBe(0);
  for (const word of [`127.0.0.1:${edge.port}`, origin.address, "up", "proxy 0", "proxy 1", "ready"])
    expect(stdout).toContain(word);
  const json = await edge.trivet.run(["status", "--json"]);
  const [status] = JSON.parse(json.stdout) as { mode: string; children: unknown[] }[];
  expect(status).toMatchObject({ mode: "proxy", pid: edge.trivet.pid, phase: "running" });
  expect(status?.children).toHaveLength(2);
});

test("the same is told on loopback HTTP", async () => {
  await using origin = Origin.start("a");
  const http = `127.0.0.1:${await freePort()}`;
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    tables: `[admin]\ndir = "run"\nhttp = "${http}"\n`,
  });
  expect(await (await fetch(`http://${http}/health`)).text()).toBe("OK\n");
  expect(await (await fetch(`http://${http}/metrics`)).text()).toContain("trivet_proxy_connections_open");
  expect(await (await fetch(`http://${http}/status`)).json()).toMatchObject({ pid: edge.trivet.pid });
  expect((await fetch(`http://${http}/health`, { method: "POST" })).status).toBe(405);
});

test("trivet status where nothing runs says so and fails", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({ servers: [origin.address] });
  await edge.trivet.stop();
  const { code, stderr } = await edge.trivet.run(["status"]);
  expect(code).toBe(1);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});
