import { afterEach, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { until } from "../../test/harness/until.ts";
import type { Sample } from "../metrics.ts";
import type { ChildStatus } from "./fleet.ts";

const PROGRAM = resolve(import.meta.dir, "../../test/harness/fleet_program.ts");

interface Event {
  event: string;
  slot: number;
  pid: number;
  sentence: string;
  text: string;
  complaint: string;
  children: ChildStatus[];
  samples: Sample[];
}

type Parent = ReturnType<typeof start>;
let parent: Parent | undefined;

afterEach(async () => {
  parent?.process.kill("SIGKILL");
  await parent?.process.exited;
});

/** A real supervisor with two real children. */
function start(reason = "") {
  const process_ = Bun.spawn(["bun", PROGRAM, ...(reason ? [reason] : [])], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  const events: Event[] = [];
  const read = (async () => {
    let rest = "";
    for await (const chunk of process_.stdout) {
      const lines = (rest + Buffer.from(chunk).toString()).split("\n");
      rest = lines.pop() ?? "";
      events.push(...lines.map((line) => JSON.parse(line) as Event));
    }
  })();
  return { process: process_, events, read };
}

function heard(name: string, from = 0): Promise<Event> {
  return until(() => parent?.events.slice(from).find(({ event }) => event === name), `the event ${name}`);
}

function ask(word: string): Promise<Event> {
  const from = parent?.events.length ?? 0;
  parent?.process.stdin.write(`${word}\n`);
  return heard(word === "drain" ? "drained" : (word.split(" ")[0] ?? word), from);
}

test("starts every child, and tells of each", async () => {
  parent = start();
  await heard("started");
  const { children, complaint } = await ask("status");
  expect(complaint).toBe("");
  expect(children).toMatchObject([
    { slot: 0, state: "ready", restarts: 0, detail: { detail: true } },
    { slot: 1, state: "ready", restarts: 0, detail: { detail: true } },
  ]);
  parent.process.stdin.write("hello\n");
  expect(await heard("message")).toMatchObject({ text: "heard hello" });
});

test("a killed child comes back in its slot; counters stay, gauges go", async () => {
  parent = start();
  await heard("started");
  const before = (await ask("samples")).samples;
  expect(before.map(({ name, value }) => [name, value])).toEqual([
    ["boots_total", 2],
    ["running", 2],
    ["trivet_proxy_restarts_total", 0],
    ["trivet_proxy_recycles_total", 0],
  ]);
  const victim = (await ask("status")).children[1]?.pid ?? 0;
  const from = parent.events.length;
  process.kill(victim, "SIGKILL");
  expect(await heard("gone", from)).toMatchObject({ slot: 1, pid: victim });
  expect((await heard("ready", from)).slot).toBe(1);
  const { children, complaint } = await ask("status");
  expect(complaint).toBe("");
  expect(children[1]).toMatchObject({ state: "ready", restarts: 1 });
  expect(children[1]?.pid).not.toBe(victim);
  const after = (await ask("samples")).samples;
  expect(after.map(({ name, value }) => [name, value])).toEqual([
    ["boots_total", 3],
    ["running", 2],
    ["trivet_proxy_restarts_total", 1],
    ["trivet_proxy_recycles_total", 0],
  ]);
});

test("a roll replaces every child; counters stay", async () => {
  parent = start();
  await heard("started");
  const before = (await ask("status")).children.map(({ pid }) => pid);
  expect((await ask("roll")).sentence).toBe("");
  await until(async () => (await ask("status")).children.length === 2, "the old children have left");
  const { children, complaint } = await ask("status");
  expect(complaint).toBe("");
  expect(children.map(({ slot, state, restarts }) => [slot, state, restarts])).toEqual([
    [0, "ready", 0],
    [1, "ready", 0],
  ]);
  expect(children.filter(({ pid }) => before.includes(pid))).toEqual([]);
  const { samples } = await ask("samples");
  expect(samples.find(({ name }) => name === "boots_total")?.value).toBe(4);
});

test("a roll whose first new child can't boot leaves the old ones in place and says why", async () => {
  parent = start();
  await heard("started");
  const before = (await ask("status")).children.map(({ pid }) => pid);
  expect((await ask("roll badly")).sentence).toBe("no luck in slot 0");
  const { children, complaint } = await ask("status");
  expect(children.map(({ pid, state }) => [pid, state])).toEqual(before.map((pid) => [pid, "ready"]));
  expect(complaint).toBe("");
});

test("a child that can't boot ends the start with its own sentence", async () => {
  parent = start("no luck");
  expect((await heard("failed")).sentence).toMatch(/^no luck in slot [01]$/);
  expect(await parent.process.exited).toBe(1);
});

test("drain ends the children, then resolves", async () => {
  parent = start();
  await heard("started");
  const pids = (await ask("status")).children.map(({ pid }) => pid);
  await ask("drain");
  expect(await parent.process.exited).toBe(0);
  expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
});

test("a child whose event loop is blocked is killed at the deadline of the drain", async () => {
  parent = start();
  await heard("started");
  parent.process.stdin.write("block\n");
  await ask("drain");
  expect(await parent.process.exited).toBe(0);
});

test("children die with their parent, even while blocked", async () => {
  parent = start();
  await heard("started");
  const pids = (await ask("status")).children.map(({ pid }) => pid);
  parent.process.stdin.write("block\n");
  expect((await ask("status")).children.map(({ detail }) => detail)).toEqual([undefined, undefined]);
  parent.process.kill("SIGKILL");
  await until(() => pids.every((pid) => !alive(pid)), "the children are gone");
});

/** A zombie, which only init can take away, is dead too. */
function alive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}
