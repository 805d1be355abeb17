import { expect, test } from "bun:test";
import { NotifySocket } from "../../test/harness/notify_socket.ts";
import { until } from "../../test/harness/until.ts";
import { keptListeners } from "./legacy.ts";
import { closeSockets, openListenSockets } from "./listen_socket.ts";
import { ServiceManager } from "./service_manager.ts";

test.each(["path", "abstract"] as const)(
  "what systemd is told arrives in order, on a %s socket",
  async (kind) => {
    await using socket = await NotifySocket.open(kind);
    const manager = ServiceManager.take({ NOTIFY_SOCKET: socket.name, WATCHDOG_USEC: "3000000" });
    manager.ready();
    manager.status("one\ntwo");
    manager.status("one\ntwo");
    manager.alive();
    manager.extend(1500);
    manager.mainPid(7);
    manager.stopping();
    expect(socket.texts()).toEqual([
      "READY=1",
      "STATUS=one two",
      "WATCHDOG=1",
      "EXTEND_TIMEOUT_USEC=1500000",
      "MAINPID=7",
      "STOPPING=1",
    ]);
  },
);

test("the time of a reload is that of CLOCK_MONOTONIC", async () => {
  await using socket = await NotifySocket.open();
  ServiceManager.take({ NOTIFY_SOCKET: socket.name }).reloading();
  const [, microseconds] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(socket.texts()[0] ?? "") ?? [];
  const [uptime = 0] = (await Bun.file("/proc/uptime").text()).split(" ").map(Number);
  expect(Math.abs(Number(microseconds) / 1e6 - uptime)).toBeLessThan(60);
});

test("nobody inherits the right to speak for us; only a successor gets it", () => {
  const env: Record<string, string> = {
    NOTIFY_SOCKET: "/run/n",
    WATCHDOG_USEC: "3000000",
    WATCHDOG_PID: "5",
    FDSTORE: "512",
    HOME: "/",
  };
  const manager = ServiceManager.take(env, 5);
  expect(env).toEqual({ HOME: "/" });
  expect(manager.watchdogMs).toBe(3000);
  expect(manager.keepsSockets).toBe(true);
  expect(manager.environment).toEqual({ NOTIFY_SOCKET: "/run/n", WATCHDOG_USEC: "3000000", FDSTORE: "512" });
});

test.each([
  ["another process is watched", { NOTIFY_SOCKET: "/run/n", WATCHDOG_USEC: "3000000", WATCHDOG_PID: "5" }],
  ["nobody listens", { WATCHDOG_USEC: "3000000", FDSTORE: "512" }],
  ["a name that is no socket's", { NOTIFY_SOCKET: "n", WATCHDOG_USEC: "3000000", FDSTORE: "512" }],
])("no watchdog: %s", (_, env) => {
  const manager = ServiceManager.take(env, 6);
  manager.ready();
  expect(manager.watchdogMs).toBe(0);
});

test("a full queue is tried again and keeps the order", async () => {
  await using socket = await NotifySocket.open();
  const manager = ServiceManager.take({ NOTIFY_SOCKET: socket.name });
  // More than net.unix.max_dgram_qlen, fewer than are kept.
  for (let i = 0; i < 60; i++) manager.status(String(i));
  await until(() => socket.texts().length === 60, "all arrive");
  expect(socket.texts()).toEqual(Array.from({ length: 60 }, (_, i) => `STATUS=${i}`));
});

test("listening sockets are kept by their address, once, and forgotten when they are closed", async () => {
  await using socket = await NotifySocket.open();
  const manager = ServiceManager.take({ NOTIFY_SOCKET: socket.name, FDSTORE: "512" });
  const { fds, port } = openListenSockets("127.0.0.1:0", 2);
  const listener = { address: `127.0.0.1:${port}`, fds };
  manager.holds(["127.0.0.1:9", listener.address]);
  manager.hold([listener]);
  manager.hold([listener]);
  manager.hold([]);
  const heard = socket.heard().map((message) => [message.text, message.fds.length]);
  closeSockets(fds);
  expect(heard).toEqual([
    ["FDSTOREREMOVE=1\nFDNAME=127.0.0.1%3A9", 0],
    [`FDSTORE=1\nFDNAME=127.0.0.1%3A${port}`, 2],
    [`FDSTOREREMOVE=1\nFDNAME=127.0.0.1%3A${port}`, 0],
  ]);
});

test("what systemd kept is found again by its name", () => {
  const env = {
    LISTEN_PID: "5",
    LISTEN_FDS: "3",
    LISTEN_FDNAMES: "0.0.0.0%3A80:%5B%3A%3A%5D%3A443:0.0.0.0%3A80",
  };
  expect(keptListeners(env, 5)).toEqual([
    { address: "0.0.0.0:80", fds: [3, 5] },
    { address: "[::]:443", fds: [4] },
  ]);
  expect(keptListeners(env, 6)).toEqual([]);
  expect(keptListeners({}, 6)).toEqual([]);
});
