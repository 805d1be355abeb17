import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { Metrics } from "../../shared/metrics.ts";
import type { Claim } from "../../shared/store/jobs/job.ts";
import { newJob } from "../../shared/store/jobs/new_job.ts";
import { SqliteJobStore } from "../../shared/store/jobs/sqlite.ts";
import { Folder } from "../../test/harness/folder.ts";
import { until } from "../../test/harness/until.ts";
import type { JobContext, JobHandlers } from "../sdk/define_jobs.ts";
import { Processor } from "./processor.ts";
import { ProgressNotes } from "./progress_notes.ts";
import { Settler } from "./settler.ts";
import { WorkerMetrics } from "./worker_metrics.ts";

describe("the processor", () => {
  let folder: Folder;
  let store: SqliteJobStore;
  let metrics: Metrics;
  beforeEach(async () => {
    folder = await Folder.make();
    store = new SqliteJobStore(join(folder.path, "trivet.db"));
    metrics = new Metrics();
  });
  afterEach(async () => {
    await store.close();
    await folder[Symbol.asyncDispose]();
  });

  const processor = (handlers: JobHandlers, concurrency = 10, unknownTypeWaitMs = 0) => {
    const counted = new WorkerMetrics(metrics);
    const settler = new Settler(store, "me", counted.leasesLost);
    const settings = { concurrency, alone: false, unknownTypeWaitMs };
    return new Processor(handlers, settler, new ProgressNotes(store), counted, settings);
  };
  const claim = (max = 10): Promise<Claim> =>
    store.claim("default", "me", max, 0, new AbortController().signal);
  const counts = async () => (await store.counts(["default"]))[0];
  const counter = (name: string) => metrics.samples().find((sample) => sample.name === name)?.value;
  const settled = () => until(async () => (await counts())?.running === 0, "all is settled");

  test("gives the handler payload and job, and acknowledges", async () => {
    const seen: unknown[] = [];
    const { id } = newJob("hello", 1);
    await store.enqueue([{ ...newJob("hello", { name: "Ada" }), id }]);
    const run = (payload: unknown, { id, type, queue, attempt, signal }: JobContext) => {
      seen.push([payload, id, type, queue, attempt, signal.aborted]);
    };
    processor({ hello: { run } }).take(await claim());
    await settled();
    expect(seen).toEqual([[{ name: "Ada" }, id, "hello", "default", 1, false]]);
    expect(await counts()).toMatchObject({ waiting: 0, delayed: 0, dead: 0 });
    expect(counter("trivet_jobs_done_total")).toBe(1);
  });

  test("what it can't run is dead with a reason, and no handler is called", async () => {
    let calls = 0;
    const handlers: JobHandlers = {
      strict: { schema: Type.Object({ n: Type.Number() }), run: () => calls++ },
      plain: { run: () => calls++ },
    };
    await store.enqueue([
      newJob("toString", 1),
      newJob("strict", { n: "one" }),
      { ...newJob("plain", 1), payload: "{" },
    ]);
    processor(handlers).take(await claim());
    await settled();
    const dead = await store.dead("default", 10);
    expect(dead.map(({ reason }) => reason).sort()).toEqual(["decode", "schema", "unknown_type"]);
    expect(calls).toBe(0);
  });

  test("what a newer Trivet wrote waits for one that can read it, and is dead after its time", async () => {
    await store.enqueue([newJob("plain", 1)]);
    const path = join(folder.path, "trivet.db");
    using file = new Database(path);
    const write = () => file.run("UPDATE job SET options = '[99,0,null,null,0,null,\"\",0]', run_at = 0");
    write();
    const all = processor({ plain: { run: () => undefined } }, 10, 3_600_000);
    for (let i = 0; i < 3; i++) {
      all.take(await claim());
      await settled();
      expect(await counts()).toMatchObject({ delayed: 1, dead: 0 });
      write();
    }
    processor({}, 10, 0).take(await claim());
    await settled();
    expect(await store.dead("default", 10)).toMatchObject([{ reason: "decode", attempt: 1 }]);
  });

  test("a handler over its time is aborted and tried again", async () => {
    let aborted: unknown;
    await store.enqueue([newJob("slow", 1, { timeout: 30, backoff: { kind: "fixed", delay: "1h" } })]);
    const slow = async (_: unknown, job: JobContext) => {
      job.signal.addEventListener("abort", () => {
        aborted = job.signal.reason;
      });
      await Bun.sleep(60_000);
    };
    processor({ slow: { run: slow } }).take(await claim());
    await settled();
    expect(await counts()).toMatchObject({ delayed: 1 });
    expect(String(aborted)).toContain("longer than its timeout of 0.03 s");
    expect(counter("trivet_jobs_retried_total")).toBe(1);
  });

  test("what a handler decides about its job stands, even when it goes on", async () => {
    await store.enqueue([newJob("discards", 1), newJob("later", 1), newJob("swallows", 1)]);
    processor({
      discards: { run: (_, job) => job.discard("no such user") },
      later: { run: (_, job) => job.retryAfter("1h", "not yet") },
      swallows: {
        run(_, job) {
          try {
            job.discard("never mind");
          } catch {
            // As a handler with a wide net does.
          }
        },
      },
    }).take(await claim());
    await settled();
    expect(await counts()).toMatchObject({ delayed: 1, dead: 2 });
    expect((await store.dead("default", 10)).map(({ reason, error }) => [reason, error])).toEqual([
      ["discarded", "never mind"],
      ["discarded", "no such user"],
    ]);
  });

  test("a job past its time is dead: expired", async () => {
    await store.enqueue([{ ...newJob("x", 1), expiresAtMs: Date.now() - 1 }]);
    processor({ x: { run: () => undefined } }).take(await claim());
    await settled();
    expect(await store.dead("default", 10)).toMatchObject([{ reason: "expired" }]);
  });

  test("a record has its progress and its result; a cancelled handler is told to stop", async () => {
    await store.enqueue([
      newJob("works", 1, { id: "works", keep: "1h" }),
      newJob("big", 1, { id: "big", keep: true }),
      newJob("long", 1, { id: "long", track: true }),
    ]);
    const [worksOn, seen] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    processor({
      works: {
        async run(_, job) {
          job.progress({ pages: 3 });
          await worksOn.promise;
          job.progress({ pages: 4 });
          return { pages: 4 };
        },
      },
      big: { run: () => "x".repeat(300_000) },
      long: {
        run: (_, job) =>
          new Promise((_resolve, reject) => {
            job.signal.addEventListener("abort", () => reject(job.signal.reason));
            seen.resolve();
          }),
      },
    }).take(await claim());
    await seen.promise;
    await until(
      async () => (await store.records.get("works"))?.progress === '{"pages":3}',
      "progress is told while it runs",
    );
    expect(await store.records.cancel("long")).toBe(true);
    worksOn.resolve();
    await settled();
    expect(await store.records.get("works")).toMatchObject({
      state: "done",
      progress: '{"pages":4}',
      result: '{"pages":4}',
    });
    expect(await store.records.get("big")).toMatchObject({ state: "done", result: null });
    expect(await store.records.get("long")).toMatchObject({ state: "cancelled" });
  });

  test("what comes beyond its slots goes straight back", async () => {
    await store.enqueue([newJob("wait", 1), newJob("wait", 2)]);
    const end = Promise.withResolvers<void>();
    const one = processor({ wait: { run: () => end.promise } }, 1);
    one.take(await claim());
    expect(one.free).toBe(0);
    await until(async () => (await counts())?.waiting === 1, "the other one is back");
    end.resolve();
    await settled();
    expect(one.free).toBe(1);
  });

  test("alone: one at a time, and the next only when the store has heard of the last", async () => {
    await store.enqueue([newJob("ends", 1), newJob("nobody", 1)]);
    const heard = Promise.withResolvers<void>();
    const slow = {
      settle: async (...words: Parameters<typeof store.settle>) => {
        await heard.promise;
        return store.settle(...words);
      },
    };
    const counted = new WorkerMetrics(metrics);
    const settler = new Settler(slow, "me", counted.leasesLost);
    const settings = { concurrency: 10, alone: true, unknownTypeWaitMs: 0 };
    const one = new Processor(
      { ends: { run: () => 1 } },
      settler,
      new ProgressNotes(store),
      counted,
      settings,
    );
    expect(one.free).toBe(1);
    one.take(await claim(1));
    await until(() => one.running === 0, "its handler has ended");
    expect(one.free).toBe(0);
    const ended = one.jobEnded();
    heard.resolve();
    await ended;
    expect(one.free).toBe(1);
    // One that nobody runs is an end like any other.
    const buried = one.jobEnded();
    one.take(await claim(1));
    await buried;
    expect(one.free).toBe(1);
  });

  test("a job that is lost frees its slot, aborts its handler, and is not settled", async () => {
    await store.enqueue([newJob("deaf", 1)]);
    const running = Promise.withResolvers<JobContext>();
    const end = Promise.withResolvers<void>();
    const run = (_: unknown, job: JobContext) => {
      running.resolve(job);
      return end.promise;
    };
    const one = processor({ deaf: { run } }, 1);
    one.take(await claim());
    const { signal } = await running.promise;
    const [job] = one.runningFor(0);
    if (job) one.lose(job);
    expect([one.free, one.running, one.runningFor(0).length]).toEqual([1, 0, 0]);
    expect(signal.reason).toMatchObject({ name: "LeaseLost" });
    end.resolve();
    await Bun.sleep(0);
    expect(await counts()).toMatchObject({ running: 1 });
  });

  test("at the end it aborts what runs and hands it back, whatever the handler does then", async () => {
    const names = ["deaf", "throws", "finishes"];
    await store.enqueue(names.map((name) => newJob(name, 1)));
    const aborted = (job: JobContext) =>
      new Promise<void>((resolve) => job.signal.addEventListener("abort", () => resolve()));
    const all = processor({
      deaf: { run: () => new Promise(() => undefined) },
      throws: {
        async run(_, job) {
          await aborted(job);
          throw job.signal.reason;
        },
      },
      finishes: { run: (_, job) => aborted(job) },
    });
    all.take(await claim());
    await all.stop(1_000);
    await settled();
    expect(await counts()).toMatchObject({ waiting: 2, delayed: 0, dead: 0 });
    expect((await claim()).jobs.map(({ type, attempt }) => [type, attempt])).toEqual([
      ["deaf", 1],
      ["throws", 1],
    ]);
  });
});
