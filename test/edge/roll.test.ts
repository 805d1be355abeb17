import { expect, test } from "bun:test";
import { Load } from "../harness/load.ts";
import { Origin } from "../harness/origin.ts";
import { until } from "../harness/until.ts";
import { EdgeSite } from "./edge_site.ts";

const ROLLS = 30;

test("TERM to a data-plane process has it replaced first: 30 in a row lose no request", async () => {
  await using origin = Origin.start("a");
  await using edge = await EdgeSite.start({
    servers: [origin.address],
    proxy: 'workers = 2\naccess_log = "off"',
  });
  const load = Load.start({ port: edge.port, keepAlive: 6, fresh: 3 });
  for (let i = 0; i < ROLLS; i++) {
    const pids = await until(async () => {
      const ready = await edge.dataPlane();
      return ready.length === 2 ? ready : undefined;
    }, "two are ready");
    const victim = pids[i % 2] ?? 0;
    process.kill(victim, "SIGTERM");
    await until(async () => !(await edge.dataPlane()).includes(victim), "it is replaced");
  }
  const { failed, refused, reasons } = await load.stop();
  expect({ failed, refused, reasons }).toEqual({ failed: 0, refused: 0, reasons: [] });
}, 300_000);
