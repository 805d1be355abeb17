import { expect, test } from "bun:test";
import { RawOrigin } from "../harness/raw_origin.ts";
import { EdgeSite } from "./edge_site.ts";

test("a backend's own timeout is in force for its requests, the edge's for the others", async () => {
  using silent = RawOrigin.start(() => undefined);
  await using edge = await EdgeSite.start({
    servers: [silent.address],
    tables: `
[proxy.timeouts]
server = "900ms"
[[proxy.route]]
backend = "a"
[[proxy.route]]
path_prefix = "/quick"
backend = "quick"
[backend.quick]
servers = ["${silent.address}"]
timeouts = { server = "150ms" }
`,
  });
  const took = async (path: string) => {
    const from = performance.now();
    expect((await edge.get(path)).status).toBe(504);
    return performance.now() - from;
  };
  const [quick, slow] = await Promise.all([took("/quick"), took("/")]);
  expect(quick).toBeLessThan(800);
  expect(slow).toBeGreaterThan(850);
});
