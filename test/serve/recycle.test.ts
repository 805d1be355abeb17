import { describe, expect, test } from "bun:test";
import { Load } from "../harness/load.ts";
import { RawConnection } from "../harness/raw_connection.ts";
import { Trivet } from "../harness/trivet.ts";
import { until } from "../harness/until.ts";
import { AppSite } from "./app_site.ts";

const CONFIG = '[serve]\nlisten = "127.0.0.1:0"\n';
const APP = {
  "app.ts": `
    import { existsSync } from "node:fs";
    if (existsSync("broken")) throw new Error("broken today");
    const hoard = [];
    export default {
      routes: { "/constant": new Response("constant") },
      async fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/spin") for (;;);
        if (pathname === "/hoard") hoard.push(Buffer.alloc(256 * 1024 * 1024, 1));
        if (pathname === "/endless") await new Promise(() => undefined);
        if (pathname === "/slow") await Bun.sleep(1500);
        return new Response(String(process.pid));
      },
    };`,
};

interface Status {
  children: {
    kind: string;
    slot: number;
    pid: number;
    state: string;
    restarts: number;
    memoryBytes: number;
  }[];
  modes: { serve: { listen: string[] } };
}

async function statusOf(site: Trivet): Promise<Status> {
  return (await (await site.admin("/status")).json()) as Status;
}

async function portOf(site: Trivet): Promise<number> {
  return Number((await statusOf(site)).modes.serve.listen[0]?.split(":")[1]);
}

async function serveChildren(site: Trivet): Promise<Status["children"]> {
  return (await statusOf(site)).children.filter(({ kind }) => kind === "serve");
}

async function recycles(site: Trivet, reason: string): Promise<number> {
  const text = await (await site.admin("/metrics")).text();
  return Number(
    new RegExp(`^trivet_serve_recycles_total\\{reason="${reason}"\\} (\\d+)$`, "m").exec(text)?.[1],
  );
}

function serve(settings: string): Promise<Trivet> {
  return Trivet.start({ mode: "serve", config: CONFIG + settings, files: APP });
}

describe("max_requests", () => {
  test("is counted by request under keep-alive, constant answers too; nothing in flight is cut", async () => {
    await using site = await serve("workers = 1\nmax_requests = 50\nmax_requests_jitter = 0\n");
    const [before] = await serveChildren(site);
    const port = await portOf(site);
    using slow = await RawConnection.open(port);
    slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    using kept = await RawConnection.open(port);
    for (let asked = 0; asked < 48; asked++) {
      kept.send("GET /constant HTTP/1.1\r\nHost: a\r\n\r\n");
      expect((await kept.response()).status).toBe(200);
    }
    expect((await serveChildren(site)).map(({ pid }) => pid)).toEqual([before?.pid ?? 0]);
    expect(site.stderr).not.toContain("max_requests");
    kept.send("GET /constant HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await kept.response()).status).toBe(200);
    const after = await until(async () => {
      const children = await serveChildren(site);
      return children.find(({ pid, state }) => pid !== before?.pid && state === "ready");
    }, "another child is ready");
    expect(after.restarts).toBe(0);
    const answer = await slow.response();
    expect([answer.status, answer.body.toString()]).toEqual([200, String(before?.pid)]);
    const line = `"child":${before?.pid},"reason":"max_requests"`;
    await until(() => site.stderr.includes(line), "the log says so");
    expect(site.stderr).toContain("has had its max_requests: starting another in its place");
    await until(async () => (await recycles(site, "max_requests")) === 1, "it is counted");
  });

  test("under load children come and go one at a time, and all requests are counted", async () => {
    await using site = await serve("workers = 2\nmax_requests = 200\n");
    const load = Load.start({ port: await portOf(site), keepAlive: 4 });
    const seen: number[] = [];
    const starting: number[] = [];
    await until(async () => {
      const children = await serveChildren(site);
      starting.push(children.filter(({ state }) => state === "starting").length);
      seen.push(children.filter(({ state }) => state === "ready").length);
      return (await recycles(site, "max_requests")) >= 5;
    }, "five were replaced");
    const { ok, failed, reasons } = await load.stop();
    expect({ failed, reasons }).toEqual({ failed: 0, reasons: [] });
    expect(Math.min(...seen)).toBe(2);
    expect(Math.max(...starting)).toBeLessThanOrEqual(1);
    await until(async () => {
      const metrics = await (await site.admin("/metrics")).text();
      return Number(/^trivet_serve_requests_total (\d+)$/m.exec(metrics)?.[1]) >= ok;
    }, "all are counted");
  }, 120_000);
});

test("max_memory: the child that grew is replaced, the other stays", async () => {
  await using site = await serve('workers = 2\nmax_memory = "220MiB"\n');
  const port = await portOf(site);
  const before = await serveChildren(site);
  using kept = await RawConnection.open(port);
  kept.send("GET /hoard HTTP/1.1\r\nHost: a\r\n\r\n");
  const grown = Number((await kept.response()).body);
  await until(async () => (await recycles(site, "max_memory")) === 1, "one was replaced");
  const pids = (await serveChildren(site)).filter(({ state }) => state === "ready").map(({ pid }) => pid);
  expect(pids).not.toContain(grown);
  expect(pids).toContain(before.find(({ pid }) => pid !== grown)?.pid ?? 0);
  expect(site.stderr).toMatch(/uses [2-9]\d\d MiB, more than max_memory/);
});

test("a max_memory that no process keeps to does not have them replaced without end", async () => {
  await using site = await serve('workers = 2\nmax_memory = "1MiB"\n');
  const startMs = performance.now();
  const before = (await serveChildren(site)).map(({ pid }) => pid);
  await until(() => site.stderr.includes("max_memory is less than these processes need"), "it is told");
  await until(
    async () => !(await serveChildren(site)).some(({ pid }) => before.includes(pid)),
    "each had its turn",
  );
  await Bun.sleep(2_000);
  // 100 ms, 200 ms … apart from the second on, and looked at every second.
  const seconds = (performance.now() - startMs) / 1000;
  expect(await recycles(site, "max_memory")).toBeLessThanOrEqual(8 + seconds / 6);
  expect((await fetch(`http://127.0.0.1:${await portOf(site)}/`)).status).toBe(200);
}, 120_000);

test("max_age: each child in turn", async () => {
  await using site = await serve('workers = 2\nmax_age = "1s"\n');
  const before = (await serveChildren(site)).map(({ pid }) => pid);
  await until(async () => {
    const children = await serveChildren(site);
    return children.length > 0 && !children.some(({ pid }) => before.includes(pid));
  }, "both were replaced");
  expect(await recycles(site, "max_age")).toBeGreaterThanOrEqual(2);
});

test("hang_timeout: a child in an endless loop is killed and replaced, the others go on", async () => {
  await using site = await serve('workers = 2\nhang_timeout = "5s"\n');
  const port = await portOf(site);
  const before = await serveChildren(site);
  using victim = await RawConnection.open(port);
  victim.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const hung = Number((await victim.response()).body);
  victim.send("GET /spin HTTP/1.1\r\nHost: a\r\n\r\n");
  await until(async () => (await recycles(site, "hang")) === 1, "it was noticed");
  const after = await until(async () => {
    const children = await serveChildren(site);
    return children.every(({ pid, state }) => state === "ready" && pid !== hung) ? children : undefined;
  }, "two are ready again");
  const other = before.find(({ pid }) => pid !== hung);
  expect(after.find(({ pid }) => pid === other?.pid)?.restarts).toBe(0);
  expect(after.find(({ pid }) => pid !== other?.pid)?.restarts).toBe(1);
  expect(site.stderr).toMatch(
    new RegExp(`the serve process ${hung} gave no sign of life for (?:[5-9]|\\d\\d)`),
  );
  await until(
    async () => (await (await site.admin("/metrics")).text()).includes("trivet_serve_restarts_total 1"),
    "it is counted",
  );
}, 120_000);

test("children are not blamed for a time in which the supervisor itself was stopped", async () => {
  await using site = await serve('workers = 1\nhang_timeout = "4s"\n');
  const [before] = await serveChildren(site);
  site.signal("SIGSTOP");
  await Bun.sleep(6_000);
  site.signal("SIGCONT");
  await until(async () => (await serveChildren(site)).length > 0, "it answers again");
  await Bun.sleep(1_500);
  expect((await serveChildren(site))[0]?.pid).toBe(before?.pid ?? 0);
}, 120_000);

test("a replacement that can't boot leaves the old one at work, and is tried again", async () => {
  await using site = await serve('workers = 1\nmax_age = "1s"\n');
  await site.folder.write("broken", "");
  const last = await until(async () => {
    if ((site.stderr.match(/not replaced: .*app\.ts:3: broken today/g) ?? []).length < 2) return undefined;
    return (await serveChildren(site)).find(({ state }) => state === "ready");
  }, "it was tried twice");
  expect((await site.admin("/health")).status).toBe(200);
  expect(await (await fetch(`http://127.0.0.1:${await portOf(site)}/`)).text()).toBe(String(last.pid));
  await Bun.file(`${site.folder.path}/broken`).delete();
  await until(async () => (await serveChildren(site)).some(({ pid }) => pid !== last.pid), "it was replaced");
}, 120_000);

test("a reload brings new limits and deadlines to what runs", async () => {
  await using site = await serve('workers = 1\ndrain_timeout = "1h"\n');
  const [before] = await serveChildren(site);
  using endless = await RawConnection.open(await portOf(site));
  endless.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
  await until(async () => {
    const metrics = await (await site.admin("/metrics")).text();
    return /^trivet_serve_requests_in_flight 1$/m.test(metrics);
  }, "it is under way");
  const toml = `${site.folder.path}/trivet.toml`;
  const text = await Bun.file(toml).text();
  await Bun.write(toml, text.replace('"1h"', '"300ms"\nboot_timeout = "1s"\nmax_age = "1s"'));
  // On a busy machine a child may take longer to boot.
  await until(async () => (await site.run(["reload"])).stderr === "", "it is reloaded");
  await until(
    async () => !(await serveChildren(site)).some(({ pid }) => pid === before?.pid),
    "the old one is gone",
  );
  await endless.closed();
  await until(async () => (await recycles(site, "max_age")) > 0, "max_age is in force");
  await site.folder.write("app.ts", "await new Promise(() => setInterval(() => {}, 1000));");
  await until(() => /was not ready after 1 s/.test(site.stderr), "boot_timeout is in force");
}, 120_000);

test("boot_timeout: a child that does not come up is killed and started again, later each time, for ever", async () => {
  // On a busy machine a child may take longer to boot.
  await using site = await until(() => serve('workers = 1\nboot_timeout = "1s"\n'), "it boots");
  await site.folder.write("app.ts", "await new Promise(() => setInterval(() => {}, 1000));");
  const [child] = await serveChildren(site);
  process.kill(child?.pid ?? 0, "SIGKILL");
  await until(() => (site.stderr.match(/was not ready after 1 s/g) ?? []).length >= 3, "three were too late");
  const delays = [...site.stderr.matchAll(/"restartInMs":(\d+)/g)].map(([, ms]) => Number(ms));
  expect(delays.slice(0, 4)).toEqual([100, 200, 400, 800]);
  const health = await site.admin("/health");
  expect([health.status, await health.text()]).toEqual([
    503,
    expect.stringMatching(
      /^1 of 1 serve processes not ready: .*app\.ts:1: the serve process \d+ was not ready after 1 s, while this file was loaded\n$/,
    ),
  ]);
  await site.folder.write("app.ts", APP["app.ts"]);
  await until(async () => (await site.admin("/health")).ok, "it is well");
}, 120_000);

test("the edge's series do not grow with every child that is replaced", async () => {
  await using site = await AppSite.up({
    files: { "app.ts": 'export default { fetch: () => new Response("x") };' },
    serve: "max_requests = 5\nmax_requests_jitter = 0",
  });
  const replaced = () => site.trivet.stderr.split("has had its max_requests").length - 1;
  await until(async () => {
    for (let i = 0; i < 5; i++) await (await fetch(site.edgeUrl)).text();
    return replaced() >= 3;
  }, "three have been replaced");
  const metrics = await (await site.trivet.admin("/metrics")).text();
  const servers = new Set(Array.from(metrics.matchAll(/server="([^"]*)"/g), ([, server]) => server));
  expect([...servers]).toEqual(["serve:0"]);
  const [edge] = JSON.parse((await site.trivet.run(["backend", "ls", "--json"])).stdout) as {
    servers: { address: string }[];
  }[];
  expect(edge?.servers[0]?.address).toStartWith("unix:");
}, 120_000);
