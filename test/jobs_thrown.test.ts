/** Whatever a handler throws, returns or rejects later is the end of its own attempt alone. On the compiled binary. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { newJob } from "../shared/store/jobs/new_job.ts";
import { SqliteJobStore } from "../shared/store/jobs/sqlite.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

/** By name, a body of run(payload, job) that fails, and what is said of it. */
const FAILURES: Readonly<Record<string, [body: string, error: string]>> = {
  stack_list: [`throw Object.defineProperty(new Error("m"), "stack", { value: [] })`, "Error: m"],
  stack_throws: [`throw Object.defineProperty(new Error("m"), "stack", { get: boom })`, "Error: m"],
  stack_loops: [`throw Object.defineProperty(new Error("m"), "stack", { get: never })`, "Error: m"],
  symbol_message: [`throw Object.assign(new Error("m"), { message: Symbol("s") })`, "Error"],
  message_throws: [`throw Object.defineProperty(new Error(), "message", { get: boom })`, "Error"],
  name_loops: [`throw Object.defineProperty(new Error("m"), "name", { get: never })`, "Error: m"],
  proxy: [`throw new Proxy(new Error("m"), { get: boom, getPrototypeOf: boom, has: boom })`, "threw a Proxy"],
  to_string: [`throw { toString: boom, [Symbol.toPrimitive]: boom }`, "threw {"],
  inspects: [`throw { [Bun.inspect.custom]: never }`, "threw a value that can't be shown"],
  no_prototype: [`throw Object.create(null)`, "threw [Object: null prototype] {}"],
  symbol: [`throw Symbol("s")`, "threw Symbol(s)"],
  nothing: [`throw undefined`, "threw undefined"],
  huge: [`throw new Error("x".repeat(5e7))`, "Error: xxx"],
  huge_object: [`throw Array.from({ length: 1e6 }, () => ({}))`, "threw a value that can't be shown"],
  huge_number: [`throw 1n << 5000000n`, "threw a large BigInt"],
  rejects: [`return Promise.reject(new Proxy({}, { get: boom, getPrototypeOf: boom }))`, "threw a Proxy"],
  thenable: [`return { get then() { throw new Error("no then"); } }`, "Error: no then"],
  progress: [`job.progress({ toJSON: boom })`, "Error: from user code"],
  log_fields: [
    `job.log.info({ err: new Proxy({}, { get: boom }) }, "odd"); throw new Error("m")`,
    "Error: m",
  ],
  discards: [`job.discard(Symbol("why"))`, "threw Symbol(why)"],
  discard_object: [`job.discard({ toString: boom })`, "threw {"],
  later: [`job.retryAfter("1h", Object.defineProperty(new Error("m"), "stack", { get: boom }))`, "Error: m"],
  backoff: [`throw new Error("m")`, "Error: m"],
  in_timer: [`setTimeout(() => { throw new Error("in a timer"); }, 1); return pending`, "Error: in a timer"],
  odd_in_timer: [
    `setTimeout(() => { throw new Proxy({}, { get: boom, getPrototypeOf: boom }); }, 1); return pending`,
    "threw a Proxy",
  ],
  emits: [
    `const { EventEmitter } = require("node:events"); const e = new EventEmitter(); setTimeout(() => e.emit("error", new Error("emitted")), 1); return pending`,
    "Error: emitted",
  ],
  schema: [`return 1`, "Error: from user code"],
};

const HANDLERS = `
import { appendFileSync } from "node:fs";
import { defineJobs } from "trivet";
const boom = () => { throw new Error("from user code"); };
const never = () => { for (;;); };
const pending = new Promise(() => {});
const more = {
  backoff: { attempts: 2, backoff: () => { throw new Proxy({}, { get: boom, getPrototypeOf: boom }); } },
  schema: { schema: new Proxy({}, { get: boom, has: boom, ownKeys: boom }) },
};
const failing = { ${Object.entries(FAILURES)
  .map(([name, [body]]) => `${name}: { attempts: 1, run(payload, job) { ${body}; }, ...more.${name} }`)
  .join(",\n")} };
export default defineJobs({
  ...failing,
  bystander: { async run() { appendFileSync("ran", "begun " + process.pid + "\\n"); while (!(await Bun.file("end").exists())) await Bun.sleep(20); appendFileSync("ran", "done " + process.pid + "\\n"); } },
  floating: { run() { void Promise.reject(new Proxy({}, { get: boom, getPrototypeOf: boom })); setTimeout(() => void Promise.reject(new Error("afterwards")), 5); } },
  results: { keep: "1h", run: (payload) => payload === "loops" ? { toJSON: never } : payload === "throws" ? { toJSON: boom } : new Proxy({}, { get: (_, key) => (key === "then" ? undefined : boom()), ownKeys: boom }) },
});
`;

test("what can't be shown is one failed attempt, and nothing beside it is touched", async () => {
  await using site = await Trivet.start({
    mode: "worker",
    config: "[worker]\nconcurrency = 50\nbatch = 50\n",
    files: { "jobs.ts": HANDLERS },
  });
  const place = join(site.folder.path, "ran");
  const ran = () => (existsSync(place) ? readFileSync(place, "utf8") : "");
  const store = new SqliteJobStore(join(site.folder.path, "trivet.db"));
  await store.enqueue([newJob("bystander", 1)]);
  await until(() => ran().includes("begun"), "the bystander runs");
  const jobs = new Map(Object.keys(FAILURES).map((name) => [name, newJob(name, 1)]));
  await store.enqueue([...jobs.values(), newJob("floating", 1), newJob("floating", 2)]);
  const kept = ["loops", "throws", "proxy"].map((what) => newJob("results", what, { keep: "1h" }));
  await store.enqueue(kept);

  const living = async () =>
    (await store.desk.find("default", {}, 100)).filter(({ state }) => state !== "delayed");
  await until(async () => (await living()).length <= 1, "all but the bystander have ended", 60_000);
  const dead = await store.dead("default", 100);
  const delayed = await store.desk.find("default", { state: "delayed" }, 100);
  for (const [name, [, error]] of Object.entries(FAILURES)) {
    if (name === "backoff" || name === "later") {
      const waits = delayed.find(({ type }) => type === name);
      // What asks to be called later has not failed.
      expect(waits).toMatchObject({ attempts: name === "later" ? 0 : 1, error });
      continue;
    }
    const reason = name.startsWith("discard") ? "discarded" : "exhausted";
    const found = dead.find(({ type }) => type === name);
    expect({ name, found }).toMatchObject({ name, found: { reason, attempt: 1 } });
    expect({ name, error: found?.error.slice(0, error.length) }).toEqual({ name, error });
  }
  for (const { id } of kept)
    expect(await store.records.get(id)).toMatchObject({ state: "done", result: null });
  await until(() => site.stderr.includes("afterwards"), "a rejection that nobody waits for is told of");

  // It ran all the while in one process, which only then makes room for a fresh one.
  await site.folder.write("end", "");
  await until(() => ran().includes("done"), "the bystander ends");
  const pids = ran().match(/\d+/g) ?? [];
  expect([pids.length, new Set(pids).size]).toEqual([2, 1]);
  await until(async () => {
    const { children } = (await (await site.admin("/status")).json()) as {
      children: { kind: string; pid: number }[];
    };
    const workers = children.filter(({ kind }) => kind === "worker");
    return workers.length === 1 && String(workers[0]?.pid) !== pids[0];
  }, "a fresh process has taken its place");
  expect(site.stderr).not.toContain("a worker died");
  await store.close();
}, 120_000);
