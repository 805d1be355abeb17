import { expect, test } from "bun:test";
import { freePort } from "./harness/free_port.ts";
import { Load } from "./harness/load.ts";
import { NotifySocket } from "./harness/notify_socket.ts";
import { Origin } from "./harness/origin.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

const APP = `export default { fetch(request) {
  if (request.url.endsWith("/block")) for (;;);
  return new Response(Object.keys(process.env).join());
} };\n`;

test("READY when it serves, RELOADING and READY around a reload, STOPPING at the end; the app hears of none", async () => {
  await using socket = await NotifySocket.open();
  const port = await freePort();
  await using site = await Trivet.start({
    mode: "serve",
    config: `[serve]\nlisten = "127.0.0.1:${port}"\nworkers = 1\n`,
    files: { "app.ts": APP },
    env: { NOTIFY_SOCKET: socket.name, WATCHDOG_USEC: "600000", FDSTORE: "512" },
  });
  await until(() => socket.texts().includes("READY=1"), "ready");
  await until(() => socket.texts().includes("STATUS=running, all is well"), "its status");
  const told = await (await fetch(`http://127.0.0.1:${port}/`)).text();
  expect(told).not.toMatch(/NOTIFY_SOCKET|WATCHDOG|FDSTORE|LISTEN_/);
  await until(() => socket.texts().includes("WATCHDOG=1"), "a sign of life");
  expect((await site.run(["reload"])).code).toBe(0);
  const states = () =>
    socket
      .texts()
      .filter((text) => /^(READY|RELOADING|STOPPING)/.test(text))
      .map((text) => text.split("=")[0] ?? "");
  await until(() => states().length === 3, "all is told");
  expect(states()).toEqual(["READY", "RELOADING", "READY"]);
  await site.stop();
  expect(states()).toEqual(["READY", "RELOADING", "READY", "STOPPING"]);
});

test("no sign of life when every child is silent", async () => {
  await using socket = await NotifySocket.open();
  const port = await freePort();
  await using site = await Trivet.start({
    mode: "serve",
    config: `[serve]\nlisten = "127.0.0.1:${port}"\nworkers = 1\n`,
    files: { "app.ts": APP },
    // Children give a sign every second; half of this may pass without one.
    env: { NOTIFY_SOCKET: socket.name, WATCHDOG_USEC: "4000000" },
  });
  await until(() => socket.texts().includes("WATCHDOG=1"), "a sign of life");
  const blocked = fetch(`http://127.0.0.1:${port}/block`).catch(() => undefined);
  const noticed = () => `${site.stdout}${site.stderr}`.split("no child gives a sign of life").length - 1;
  const signs = () => socket.texts().filter((text) => text === "WATCHDOG=1").length;
  await until(() => noticed() >= 1, "silence is noticed");
  const before = signs();
  await until(() => noticed() >= 3, "it lasts");
  expect(signs()).toBe(before);
  await site[Symbol.asyncDispose]();
  await blocked;
}, 120_000);

test("an upgrade tells the new main process, which speaks from then on", async () => {
  await using socket = await NotifySocket.open();
  await using origin = Origin.start("a");
  const port = await freePort();
  await using site = await Trivet.start({
    mode: "proxy",
    config: `[proxy]\nworkers = 1\n[[proxy.listen]]\naddress = "127.0.0.1:${port}"\n[[proxy.route]]\nbackend = "a"\n[backend.a]\nservers = ["${origin.address}"]\n`,
    env: { NOTIFY_SOCKET: socket.name, FDSTORE: "512" },
  });
  expect((await site.run(["upgrade"])).code).toBe(0);
  const [{ pid } = { pid: 0 }] = JSON.parse((await site.run(["status", "--json"])).stdout) as {
    pid: number;
  }[];
  await using _successor = { [Symbol.asyncDispose]: async () => void process.kill(pid, "SIGKILL") };
  await until(
    () => socket.texts().filter((text) => text === "READY=1").length === 2,
    "the successor is ready",
  );
  const texts = socket.texts();
  const main = texts.indexOf(`MAINPID=${pid}`);
  expect(main).toBeGreaterThan(texts.indexOf("READY=1"));
  expect(main).toBeLessThan(texts.lastIndexOf("READY=1"));
  await until(() => site.code === 0, "the one before leaves");
  expect(socket.texts()).not.toContain("STOPPING=1");
}, 120_000);

test("killed and started again, it goes on with the sockets that systemd kept: what connected meanwhile is answered", async () => {
  await using socket = await NotifySocket.open();
  await using origin = Origin.start("a");
  const port = await freePort();
  const config = `[proxy]\nworkers = 2\n[[proxy.listen]]\naddress = "127.0.0.1:${port}"\n[[proxy.route]]\nbackend = "a"\n[backend.a]\nservers = ["${origin.address}"]\n`;
  const env = { NOTIFY_SOCKET: socket.name, FDSTORE: "512" };
  const first = await Trivet.start({ mode: "proxy", config, env });
  const kept = await until(() => socket.heard().find(({ fds }) => fds.length > 0), "sockets are kept");
  expect(kept.text).toBe(`FDSTORE=1\nFDNAME=127.0.0.1%3A${port}`);
  await first.stop();
  await first[Symbol.asyncDispose]();
  const waiting = fetch(`http://127.0.0.1:${port}/`).then((response) => response.text());
  await using _second = await Trivet.start({
    mode: "proxy",
    config,
    env: { ...env, LISTEN_FDNAMES: kept.fds.map(() => `127.0.0.1%3A${port}`).join(":") },
    listenFds: kept.fds,
  });
  expect(await waiting).toContain("a");
}, 120_000);

test("an app server that systemd restarts loses no request: what connects meanwhile waits", async () => {
  await using socket = await NotifySocket.open();
  const port = await freePort();
  const config = `[serve]\nlisten = "127.0.0.1:${port}"\nworkers = 2\n`;
  const env = { NOTIFY_SOCKET: socket.name, FDSTORE: "512" };
  const start = { mode: "serve" as const, config, files: { "app.ts": APP } };
  const first = await Trivet.start({ ...start, env });
  const kept = await until(() => socket.heard().find(({ fds }) => fds.length > 0), "sockets are kept");
  const name = `serve%20127.0.0.1%3A${port}`;
  expect(kept.text).toBe(`FDSTORE=1\nFDNAME=${name}`);
  const loads = [Load.start({ port, fresh: 3 }), Load.start({ port, keepAlive: 3 })];
  await until(() => loads.every(({ result }) => result.ok > 50), "load");
  await first.stop();
  await first[Symbol.asyncDispose]();
  await using _second = await Trivet.start({
    ...start,
    env: { ...env, LISTEN_FDNAMES: kept.fds.map(() => name).join(":") },
    listenFds: kept.fds,
  });
  const answered = loads.map(({ result }) => result.ok);
  await until(() => loads.every(({ result }, i) => result.ok > (answered[i] ?? 0) + 50), "it goes on");
  for (const load of loads) expect(await load.stop()).toMatchObject({ failed: 0, stale: 0, refused: 0 });
}, 120_000);

test("a restart does not wait for tunnels while systemd keeps the sockets: who connects meanwhile is waiting", async () => {
  await using socket = await NotifySocket.open();
  using echo = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("hello")),
    websocket: { message: (client, message) => void client.send(message) },
  });
  const port = await freePort();
  await using site = await Trivet.start({
    mode: "proxy",
    config: `[proxy]\nworkers = 1\ndrain_timeout = "10m"\n[[proxy.listen]]\naddress = "127.0.0.1:${port}"\n[[proxy.route]]\nbackend = "a"\n[backend.a]\nservers = ["127.0.0.1:${echo.port}"]\n`,
    env: { NOTIFY_SOCKET: socket.name, FDSTORE: "512" },
  });
  const client = new WebSocket(`ws://127.0.0.1:${port}/`);
  const closed = new Promise((resolve) => client.addEventListener("close", resolve));
  await new Promise((resolve) => client.addEventListener("open", resolve));
  // It would be killed after a minute, and the code not be 0.
  expect(await site.stop()).toBe(0);
  await closed;
}, 120_000);
