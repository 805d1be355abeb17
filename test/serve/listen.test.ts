import { expect, test } from "bun:test";
import { freePort } from "../harness/free_port.ts";
import { Load } from "../harness/load.ts";
import { Trivet } from "../harness/trivet.ts";
import { until } from "../harness/until.ts";

const APP = { "app.ts": "export default { fetch: () => new Response(String(process.pid)) };" };

interface Status {
  children: { kind: string; pid: number; state: string }[];
  modes: { serve: { listen: string[] } };
}

async function statusOf(site: Trivet): Promise<Status> {
  return (await (await site.admin("/status")).json()) as Status;
}

async function pidsReady(site: Trivet): Promise<number[]> {
  const { children } = await statusOf(site);
  return children.filter(({ kind, state }) => kind === "serve" && state === "ready").map(({ pid }) => pid);
}

async function ask(address: string): Promise<string> {
  return (await fetch(`http://${address}/`, { keepalive: false })).text();
}

test("several addresses: every child answers on each, through rolls and deaths, with no request lost", async () => {
  const ports = [await freePort(), await freePort(), await freePort()];
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  const config = `[serve]\nworkers = 2\nlisten = ${JSON.stringify([...addresses, "[::1]:0"])}\n`;
  await using site = await Trivet.start({ mode: "serve", config, files: APP });
  const listen = (await statusOf(site)).modes.serve.listen;
  expect(listen).toEqual([...addresses, expect.stringMatching(/^\[::1\]:\d+$/)]);
  const everywhere = async () => {
    for (const address of listen) {
      const pids = (await pidsReady(site)).map(String).toSorted();
      expect(pids).toHaveLength(2);
      const seen = new Set<string>();
      await until(async () => seen.add(await ask(address)).size === 2, `both answer on ${address}`);
      expect([...seen].toSorted()).toEqual(pids);
    }
  };
  await everywhere();

  const loads = ports.flatMap((port) => [Load.start({ port, keepAlive: 2 }), Load.start({ port, fresh: 2 })]);
  expect((await site.run(["reload"])).stderr).toBe("");
  await everywhere();
  const [first = 0] = await pidsReady(site);
  process.kill(first, "SIGTERM");
  await until(async () => {
    const pids = await pidsReady(site);
    return pids.length === 2 && !pids.includes(first);
  }, "the one that was sent TERM is replaced");
  for (const load of loads) {
    const { failed, reasons } = await load.stop();
    expect({ failed, reasons }).toEqual({ failed: 0, reasons: [] });
  }
  await everywhere();

  const [victim = 0] = await pidsReady(site);
  process.kill(victim, "SIGKILL");
  await until(async () => {
    const pids = await pidsReady(site);
    return pids.length === 2 && !pids.includes(victim);
  }, "the killed one is back");
  await everywhere();
  expect(await site.stop()).toBe(0);
  for (const address of listen) expect(await ask(address).catch(() => "refused")).toBe("refused");
}, 120_000);

test("one of several addresses that is taken: told by its name, and none is kept", async () => {
  using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("other") });
  const taken = `127.0.0.1:${other.port}`;
  await using site = await Trivet.start({
    mode: "serve",
    config: '[serve]\nlisten = "127.0.0.1:0"\n',
    files: APP,
  });
  const free = `127.0.0.1:${await freePort()}`;
  const config = `[serve]\nlisten = ["${free}", "${taken}"]\n[admin]\ndir = "run"\nhttp = ""\n`;
  await site.folder.write("two.toml", config);
  const { code, stderr } = await site.run(["serve", "-c", "two.toml", "--name", "two"]);
  expect(stderr.trim()).toBe(`${taken} is in use by another program: stop it or choose another port`);
  expect(code).toBe(1);
  expect(await ask(free).catch(() => "refused")).toBe("refused");
});

test("two listeners on port 0 have two ports, of the app and of the edge, and a reload may add one", async () => {
  const listen = (count: number) => Array.from({ length: count }, () => "127.0.0.1:0");
  const config = (count: number) => `[serve]\nworkers = 1\nlisten = ${JSON.stringify(listen(count))}
[proxy]\nworkers = 1\naccess_log = "off"
listen = [${listen(count).map((address) => `{ address = "${address}" }`)}]
[admin]\ndir = "run"\nhttp = ""\n`;
  await using site = await Trivet.start({ mode: "up", config: config(2), files: APP });
  const ports = async () => {
    const { serve, proxy } = ((await (await site.admin("/status")).json()) as UpStatus).modes;
    const all = [...serve.listen, ...proxy.listeners.map(({ port }) => `127.0.0.1:${port}`)];
    for (const address of all) expect(await ask(address)).toMatch(/^\d+$/);
    return new Set(all);
  };
  const before = await ports();
  expect(before.size).toBe(4);
  await site.folder.write("trivet.toml", config(3));
  expect((await site.run(["reload"])).stderr).toBe("");
  const more = await ports();
  expect([more.size, [...before].every((address) => more.has(address))]).toEqual([6, true]);
  await site.folder.write("trivet.toml", config(1));
  expect((await site.run(["reload"])).stderr).toBe("");
  expect((await ports()).size).toBe(2);
}, 120_000);

interface UpStatus {
  modes: { serve: { listen: string[] }; proxy: { listeners: { port: number }[] } };
}
