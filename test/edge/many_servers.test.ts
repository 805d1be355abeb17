import { expect, test } from "bun:test";
import { freePort } from "../harness/free_port.ts";
import { Trivet } from "../harness/trivet.ts";
import { until } from "../harness/until.ts";

const SERVERS = 6000;

test("an edge before thousands of servers counts them all, and is not ended for what it has to tell", async () => {
  const port = await freePort();
  // Nobody listens there, and nobody asks.
  const servers = Array.from({ length: SERVERS }, (_, i) => `"127.1.${i >> 8}.${i & 255}:9"`);
  await using edge = await Trivet.start({
    mode: "proxy",
    config: `[proxy]
workers = 1
access_log = "off"
listen = [{ address = "127.0.0.1:${port}" }]
[[proxy.route]]
backend = "app"
[backend.app]
servers = [${servers.join(", ")}]
`,
  });
  const counted = async () => {
    const text = await (await edge.admin("/metrics")).text();
    return text.match(/^trivet_proxy_server_requests_total\{backend="app"/gm)?.length ?? 0;
  };
  await until(async () => (await counted()) === SERVERS, "all are counted");
  const { children } = (await (await edge.admin("/status")).json()) as {
    children: { state: string; restarts: number }[];
  };
  expect(children).toMatchObject([{ state: "ready", restarts: 0 }]);
}, 120_000);
