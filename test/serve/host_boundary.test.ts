/** What code that runs in an app can do to the supervisor above it: nothing but lose its own process. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { frameOf } from "../../shared/process/frame_reader.ts";
import { trivetBinary } from "../harness/binary.ts";
import { Folder } from "../harness/folder.ts";
import { Trivet } from "../harness/trivet.ts";
import { until } from "../harness/until.ts";
import { AppSite } from "./app_site.ts";

/** Writes to every socket that has no name, which user code should not know of. */
const APP = `
import { closeSync, readdirSync, readFileSync, readlinkSync, writeSync } from "node:fs";

function lines() {
  const rows = readFileSync("/proc/net/unix", "utf8").split("\\n").map((row) => row.trim().split(/\\s+/));
  const unnamed = new Set(rows.filter((row) => row.length === 7 && row[4] === "0001" && row[5] === "03").map((row) => row[6]));
  return readdirSync("/proc/self/fd").filter((fd) => {
    try { return unnamed.has(/^socket:\\[(\\d+)\\]$/.exec(readlinkSync("/proc/self/fd/" + fd))?.[1]); } catch { return false; }
  }).map(Number);
}

async function put(fd, bytes) {
  for (let at = 0; at < bytes.length;) {
    try { at += writeSync(fd, bytes, at); } catch (error) {
      if (error.code !== "EAGAIN") return;
      await Bun.sleep(1);
    }
  }
}

export default { async fetch(request) {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/process") return Response.json({ pid: process.pid, connected: process.connected ?? false,
    has: ["send", "disconnect", "channel"].filter((name) => process[name] !== undefined) });
  if (pathname === "/speak") {
    process.on("message", (message) => console.error("the app heard", message));
    for (const message of [null, 0, "ready", [], {}, { kind: "room", body: null }, { kind: "beat" },
      { kind: "room", body: { socket: searchParams.get("victim") } }]) process.send?.(message);
    process.disconnect?.();
  }
  if (pathname === "/write") {
    const bytes = new Uint8Array(await request.arrayBuffer());
    const found = lines();
    for (const fd of found) await put(fd, bytes);
    return new Response(String(found.length));
  }
  if (pathname === "/close") for (const fd of lines()) closeSync(fd);
  return new Response(String(process.pid));
} };`;

const SAMPLE = { name: "trivet_a_total", kind: "counter", help: "A.", labels: {}, value: 1 };
const message = (...messages: unknown[]) => Buffer.concat(messages.map(frameOf));

describe("code in an app", () => {
  let site: AppSite;
  beforeAll(async () => {
    site = await AppSite.up({ files: { "app.ts": APP, victim: "stays" }, serve: "workers = 2" });
  });
  afterAll(() => site[Symbol.asyncDispose]());

  const ready = async () => (await site.children()).filter(({ state }) => state === "ready");
  const victim = () => join(site.path, "victim");

  async function whole(): Promise<void> {
    await until(async () => (await ready()).length === 2, `both processes are there: ${site.trivet.stderr}`);
    expect((await site.trivet.admin("/health")).status).toBe(200);
    expect((await fetch(site.edgeUrl)).status).toBe(200);
    expect(site.trivet.code).toBeUndefined();
    expect(existsSync(victim())).toBe(true);
  }

  test("is in a process that nobody talks to, and may try to all the same", async () => {
    const { pid, ...rest } = (await (await fetch(`${site.url}/process`)).json()) as { pid: number };
    expect(pid).toBeGreaterThan(0);
    expect(rest as unknown).toEqual({ connected: false, has: [] });
    const before = (await ready()).map((child) => child.pid).toSorted();
    const answers = Array.from({ length: 8 }, () =>
      fetch(`${site.url}/speak?victim=${encodeURIComponent(victim())}`, { keepalive: false }),
    );
    for (const answer of answers) expect((await answer).status).toBe(200);
    await whole();
    expect((await ready()).map((child) => child.pid).toSorted()).toEqual(before);
    expect(site.trivet.stderr).not.toContain("the app heard");
  });

  test.each([
    ["bytes that are no messages", Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n")],
    ["null", message(null)],
    [
      "a socket of its choice",
      (victimPath: string) => message({ kind: "room", body: { socket: victimPath, fault: null } }),
    ],
    ["what it may say at its start only", message({ kind: "room", body: { fault: "forged" } })],
    [
      "counters that would forge other lines",
      message({ kind: "beat", samples: [{ ...SAMPLE, help: "A.\nforged 1" }] }),
    ],
  ])("that says %s on our line loses its process, and nothing else", async (_, bytes) => {
    const said = site.trivet.stderr.length;
    const before = (await ready()).map(({ pid }) => pid);
    const body = typeof bytes === "function" ? bytes(victim()) : bytes;
    await fetch(`${site.url}/write`, { method: "POST", body, keepalive: false }).catch(() => undefined);
    await until(
      () =>
        /"msg":"the serve process \d+ was killed: on its line to the supervisor it says what is no message/.test(
          site.trivet.stderr.slice(said),
        ),
      "the log has why",
    );
    await until(
      async () => (await ready()).some(({ pid }) => !before.includes(pid)),
      "another took its place",
    );
    await whole();
    expect(await (await site.trivet.admin("/metrics")).text()).not.toMatch(/^forged/m);
  });

  test("that closes our line loses its process", async () => {
    const before = (await ready()).map(({ pid }) => pid);
    await fetch(`${site.url}/close`, { keepalive: false }).catch(() => undefined);
    await until(
      async () => (await ready()).some(({ pid }) => !before.includes(pid)),
      "another took its place",
    );
    await whole();
  });

  test("that floods it with what may be said keeps nobody from his work", async () => {
    const count = 200_000;
    const beat = message({ kind: "beat", samples: [SAMPLE] });
    const leave = message({ kind: "leave", reason: "term" });
    const body = Buffer.concat(Array.from({ length: count }, (_, i) => (i % 2 ? beat : leave)));
    const before = (await ready()).map(({ pid }) => pid);
    const flood = new AbortController();
    const flooding = fetch(`${site.url}/write`, {
      method: "POST",
      body,
      keepalive: false,
      signal: flood.signal,
    }).catch(() => undefined);
    await until(async () => (await ready()).some(({ pid }) => !before.includes(pid)), "it was heard");
    for (let i = 0; i < 20; i++) {
      expect((await site.trivet.admin("/status")).status).toBe(200);
      expect((await fetch(site.edgeUrl)).status).toBe(200);
    }
    flood.abort();
    await flooding;
    await whole();
  });
});

test("a supervisor whose own parent talks to it, as PM2 does, works and ends; its app hears nothing of that", async () => {
  await using folder = await Folder.make({
    "app.ts": APP,
    "trivet.toml": '[serve]\nlisten = "127.0.0.1:0"\nworkers = 1\n[admin]\ndir = "run"\nhttp = ""\n',
  });
  const supervisor = Bun.spawn([trivetBinary(), "serve"], {
    cwd: folder.path,
    stdio: ["ignore", "ignore", "ignore"],
    ipc: () => undefined,
  });
  try {
    const unix = join(folder.path, "run/serve.sock");
    const ask = async (path: string) => fetch(`http://trivet${path}`, { unix, keepalive: false });
    await until(async () => (await ask("/health")).ok, "it is ready");
    const { modes } = (await (await ask("/status")).json()) as { modes: { serve: { listen: string[] } } };
    const answer = await fetch(`http://${modes.serve.listen[0]}/process`);
    expect(await answer.json()).toMatchObject({ connected: false, has: [] });
    supervisor.kill("SIGTERM");
    await until(() => supervisor.exitCode === 0, "it has ended");
  } finally {
    supervisor.kill("SIGKILL");
    await supervisor.exited;
  }
});

const TO_STORE = `
import { readdirSync } from "node:fs";
import { jobs } from "trivet";
const frame = (list) => {
  const text = Buffer.from(JSON.stringify(list));
  const bytes = Buffer.alloc(4 + text.length);
  bytes.writeUInt32BE(text.length);
  bytes.set(text, 4);
  return bytes;
};
async function say(bytes) {
  const name = readdirSync("run").find((entry) => entry.startsWith("store-"));
  const closed = Promise.withResolvers();
  const socket = await Bun.connect({ unix: "run/" + name, socket: { data() {}, close: () => closed.resolve() } });
  socket.write(bytes);
  await closed.promise;
}
const call = (call) => [{ kind: "call", number: 1, call }];
const WRONG = [frame(null), frame(5), frame([null]), frame([{ kind: "own" }]), frame([{ kind: "call", number: 1 }]), frame(call(null)),
  frame(call({})), frame(call({ op: "constructor" })), frame(call({ op: "claim", queue: {} })), frame(call({ op: "enqueue", jobs: [null], token: {} })),
  Buffer.from([0x7f, 0xff, 0xff, 0xff]), Buffer.from("GET / HTTP/1.1\\r\\n\\r\\n")];
export default { async fetch() {
  for (const bytes of WRONG) await say(bytes);
  return new Response(await jobs.enqueue("x", {}));
} };`;

test("code that talks to the store's socket by itself ends its own connection, not the store", async () => {
  await using site = await AppSite.start({ files: { "app.ts": TO_STORE } });
  const store = async () => (await site.status()).children.find(({ kind }) => kind === "store");
  const before = await store();
  expect(await (await fetch(site.url)).text()).toMatch(/^[0-9A-Z]{26}$/);
  expect(await store()).toMatchObject({ pid: before?.pid, restarts: 0 });
});

const JOBS = `
import { defineJobs } from "trivet";
export default defineJobs({ speak: { run(_payload, job) {
  for (const message of [null, { kind: "room", body: null }, { kind: "room", body: { kind: "crons", defaults: 5 } }]) process.send?.(message);
  process.disconnect?.();
  job.log.info("process.send is " + typeof process.send);
} } });`;

test("a handler of jobs has no line to its supervisor either", async () => {
  await using site = await Trivet.start({ mode: "worker", files: { "jobs.ts": JOBS } });
  const { children } = (await (await site.admin("/status")).json()) as {
    children: { kind: string; pid: number }[];
  };
  expect((await site.run(["jobs", "enqueue", "speak", "{}"])).code).toBe(0);
  await until(() => site.stderr.includes("process.send is undefined"), "it ran");
  const after = (await (await site.admin("/status")).json()) as { children: { kind: string; pid: number }[] };
  expect(after.children.map(({ pid }) => pid)).toEqual(children.map(({ pid }) => pid));
});

test("a supervisor that can start nothing for want of descriptors tries again until it can", async () => {
  await using site = await AppSite.start({ files: { "app.ts": APP } });
  const limit = (files: string) =>
    expect(Bun.spawnSync(["prlimit", "--pid", String(site.trivet.pid), `--nofile=${files}`]).exitCode).toBe(
      0,
    );
  const [child] = await site.children();
  const open = readdirSync(`/proc/${site.trivet.pid}/fd`).map(Number);
  // Below all that it has: also what the child's end leaves free can't be had again.
  limit(`${Math.min(...open.filter((fd) => fd > 2))}:4096`);
  process.kill(child?.pid ?? 0, "SIGKILL");
  await until(
    () => /can't (?:open|listen|be started)[^"]*/.test(site.trivet.stderr),
    "it can't start another",
  );
  expect(site.trivet.code).toBeUndefined();
  limit("4096:4096");
  await until(async () => (await fetch(site.url)).ok, "another is there");
});
