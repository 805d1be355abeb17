import { expect, test } from "bun:test";
import { Load } from "../harness/load.ts";
import { Origin } from "../harness/origin.ts";
import { EdgeSite } from "./edge_site.ts";

const REQUESTS = 2000;

test.each([
  ["kept connections", { keepAlive: 20 }],
  ["a connection a request", { fresh: 20 }],
])("2,000 requests over %s and 2 workers land evenly on 4 servers", async (_, clients) => {
  const origins = ["a", "b", "c", "d"].map((name) => Origin.start(name));
  await using edge = await EdgeSite.start({
    servers: origins.map(({ address }) => address),
    proxy: 'workers = 2\naccess_log = "off"',
  });
  const result = await Load.start({ port: edge.port, requests: REQUESTS, ...clients }).done();
  expect(result).toMatchObject({ ok: REQUESTS, failed: 0 });
  const share = REQUESTS / origins.length;
  for (const { hits } of origins) expect(Math.abs(hits - share)).toBeLessThanOrEqual(share * 0.02);
  for (const origin of origins) await origin.stop();
});
