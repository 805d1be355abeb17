import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { freePort } from "./free_port.ts";
import { Load } from "./load.ts";
import { Origin } from "./origin.ts";
import { Trivet } from "./trivet.ts";
import { until } from "./until.ts";

function edge(port: number, origin: Origin): string {
  return `
[proxy]
workers = 2
[[proxy.listen]]
address = "127.0.0.1:${port}"
[[proxy.route]]
backend = "a"
[backend.a]
servers = ["${origin.address}"]
`;
}

test("starts a ready supervisor, and stops it with its children", async () => {
  await using origin = Origin.start("a");
  const port = await freePort();
  await using site = await Trivet.start({ mode: "proxy", config: edge(port, origin) });
  expect((await site.admin("/health")).status).toBe(200);
  const children = await site.children();
  expect(children).toHaveLength(2);
  expect(await Load.start({ port, keepAlive: 2, fresh: 2, requests: 100 }).done()).toMatchObject({
    ok: 100,
    failed: 0,
  });
  expect(origin.hits).toBe(100);
  expect(await site.stop()).toBe(0);
  expect(site.stdout.trim().split("\n").length).toBe(100);
  expect(children.filter(({ pid }) => existsSync(`/proc/${pid}`))).toEqual([]);
});

test("a killed supervisor takes its children with it, and its folder goes", async () => {
  await using origin = Origin.start("a");
  const site = await Trivet.start({ mode: "proxy", config: edge(await freePort(), origin) });
  const children = await site.children();
  await site[Symbol.asyncDispose]();
  expect(existsSync(site.folder.path)).toBe(false);
  await until(() => children.every(({ pid }) => !existsSync(`/proc/${pid}/exe`)), "the children are gone");
});

test("a start that fails says why", async () => {
  await using origin = Origin.start("a");
  const thrown: unknown = await Trivet.start({ mode: "proxy", config: edge(origin.port, origin) }).catch(
    (error: unknown) => error,
  );
  expect(String(thrown)).toContain("in use by another program");
});
