import { expect, test } from "bun:test";
import { Load } from "../harness/load.ts";
import { Origin } from "../harness/origin.ts";
import { EdgeSite } from "./edge_site.ts";

test.each([["round_robin"], ["least_connections"], ["random_two"]])(
  "%s: shares follow the weights",
  async (balance) => {
    const origins = ["a", "b", "c"].map((name) =>
      Origin.start(name, async () => {
        // Under load all three have work to be told apart by.
        await Bun.sleep(2);
        return new Response(name);
      }),
    );
    const [a, b, c] = origins;
    if (!a || !b || !c) throw new Error("three origins");
    await using edge = await EdgeSite.start({
      servers: [{ address: a.address, weight: 3 }, { address: b.address, weight: 2 }, c.address],
      proxy: 'workers = 1\naccess_log = "off"',
      backend: `balance = "${balance}"`,
    });
    const result = await Load.start({ port: edge.port, requests: 3000, keepAlive: 60 }).done();
    expect(result).toMatchObject({ ok: 3000, failed: 0 });
    expect(a.hits / 3000).toBeCloseTo(3 / 6, 1);
    expect(b.hits / 3000).toBeCloseTo(2 / 6, 1);
    expect(c.hits / 3000).toBeCloseTo(1 / 6, 1);
    for (const origin of origins) await origin.stop();
  },
);

test.each([
  ["hash:header:X-User", (user: number) => `X-User: u${user}\r\n`],
  ["hash:cookie:user", (user: number) => `Cookie: theme=dark; user=u${user}\r\n`],
  ["hash:ip", (user: number) => `X-Forwarded-For: 10.1.0.${user}\r\n`],
])("%s: a client keeps its server, and only those of a server that leaves move", async (balance, fields) => {
  const origins = ["a", "b", "c"].map((name) => Origin.start(name));
  await using edge = await EdgeSite.start({
    servers: origins.map(({ address }) => address),
    proxy: 'workers = 2\naccess_log = "off"\ntrusted_proxies = ["127.0.0.1"]',
    backend: `balance = "${balance}"`,
  });
  const ask = async () => {
    const names: string[] = [];
    for (let user = 0; user < 40; user++)
      names.push((await edge.get("/", "a.test", fields(user))).body.toString());
    return names;
  };
  const before = await ask();
  expect(new Set(before)).toEqual(new Set(["a", "b", "c"]));
  expect(await ask()).toEqual(before);
  await origins[1]?.stop();
  const after = await ask();
  before.forEach((name, user) => {
    if (name === "b") expect(after[user]).not.toBe("b");
    else expect(after[user]).toBe(name);
  });
  for (const origin of origins) await origin.stop();
});
