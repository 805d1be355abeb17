import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addBrokenRow } from "../../../test/harness/broken_row.ts";
import { Folder } from "../../../test/harness/folder.ts";
import { conformance } from "../../../test/job_store/conformance.ts";
import type { StoreUnderTest } from "../../../test/job_store/store_under_test.ts";
import { newJob } from "./new_job.ts";
import { SqliteJobStore } from "./sqlite.ts";
import { SCHEMAS } from "./sqlite_schema_text.ts";

describe("SQLite in this process", () => {
  const dir = mkdtempSync(join(tmpdir(), "tv-"));
  const path = join(dir, "trivet.db");
  let setByMs = 0;
  const store: StoreUnderTest = {
    start: async () => undefined,
    stop: async () => rmSync(dir, { recursive: true }),
    open: () => new SqliteJobStore(path, () => Date.now() + setByMs),
    addBroken: async (queue) => addBrokenRow(path, queue),
    setClock: async (_queue, byMs) => {
      setByMs += byMs;
    },
    nowMs: () => Date.now() + setByMs,
  };
  conformance(store);
});

describe("the file", () => {
  test("is made at the first write, not by looking", async () => {
    const dir = mkdtempSync(join(tmpdir(), "tv-"));
    const path = join(dir, "trivet.db");
    const store = new SqliteJobStore(path);
    await store.counts(["default"]);
    await store.dead("default", 1);
    await store.claim("default", "a", 1, 20, new AbortController().signal);
    expect(existsSync(path)).toBe(false);
    await store.enqueue([newJob("x", 1)]);
    expect(existsSync(path)).toBe(true);
    await store.close();
    rmSync(dir, { recursive: true });
  });

  test("says in one sentence why it can't be used", async () => {
    const dir = mkdtempSync(join(tmpdir(), "tv-"));
    const text = join(dir, "text");
    await Bun.write(text, "this is no database, only some text that is long enough to have a header");
    const newer = join(dir, "newer.db");
    const db = new Database(newer);
    db.run("PRAGMA user_version = 99");
    db.close();
    const refusal = (path: string) =>
      new SqliteJobStore(path).enqueue([newJob("x", 1)]).then(
        () => "stored",
        (error: Error) => error.message,
      );
    expect(await refusal(join(dir, "no", "trivet.db"))).toMatch(
      /^can't write the store .* or make it: check/,
    );
    expect(await refusal(text)).toMatch(/is not a SQLite database: set store.url to another file/);
    expect(await refusal(newer)).toMatch(/was written by a newer Trivet/);
    rmSync(dir, { recursive: true });
  });

  test("gives what is stored to the claims that wait, the longest waiting first, to each what it asked for", async () => {
    await using folder = await Folder.make();
    const store = new SqliteJobStore(join(folder.path, "trivet.db"));
    await store.enqueue([newJob("x", 0, { queue: "other" })]);
    const { signal } = new AbortController();
    const waiting = ["a", "b", "c"].map((owner) => store.claim("default", owner, 2, 5_000, signal));
    const givenUp = new AbortController();
    const gone = store.claim("default", "gone", 2, 5_000, givenUp.signal);
    givenUp.abort();
    expect((await gone).jobs).toEqual([]);
    const ids = await store.enqueue([1, 2, 3].map((n) => newJob("x", n)));
    const [a, b] = await Promise.all(waiting.slice(0, 2));
    const settlements = a?.jobs.map(({ fence }) => ({
      ...{ queue: "default", fence },
      outcome: { kind: "ack" as const },
    }));
    expect(a?.jobs.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect(b?.jobs.map(({ id }) => id)).toEqual(ids.slice(2));
    expect(await store.settle("a", settlements ?? [])).toEqual([true, true]);
    const [last] = await store.enqueue([newJob("x", 4)]);
    // Stored and leased at once: whoever reads the file now finds it taken.
    using file = new Database(join(folder.path, "trivet.db"), { readonly: true });
    const owners = file.query<{ owner: string | null }, []>("SELECT owner FROM job WHERE queue = 'default'");
    expect(owners.all().map(({ owner }) => owner)).toEqual(["b", "c"]);
    expect((await waiting[2])?.jobs.map(({ id }) => id)).toEqual([last ?? ""]);
    await store.close();
  });

  test("knows an enqueue that is made again, also when its jobs are done since", async () => {
    await using folder = await Folder.make();
    const store = new SqliteJobStore(join(folder.path, "trivet.db"));
    const token = { client: "c", slot: 0, number: 1 };
    const jobs = [newJob("x", 1), newJob("x", 2, { unique: true })];
    const ids = jobs.map(({ id }) => id);
    expect(await store.enqueue(jobs, token)).toEqual(ids);
    const { signal } = new AbortController();
    const claimed = (await store.claim("default", "a", 10, 0, signal)).jobs;
    const ack = { kind: "ack" as const };
    const settlements = claimed.map(({ queue, fence }) => ({ queue, fence, outcome: ack }));
    expect(await store.settle("a", settlements)).toEqual([true, true]);
    expect(await store.enqueue(jobs, token)).toEqual(ids);
    expect((await store.counts(["default"]))[0]?.waiting).toBe(0);
    // A settlement that is made again must not end a job that came since.
    await store.enqueue([newJob("x", 3)], { ...token, number: 2 });
    expect((await store.claim("default", "a", 10, 0, signal)).jobs).toHaveLength(1);
    expect(await store.settle("a", settlements)).toEqual([false, false]);
    await store.close();
  });

  test("takes over the jobs of an older Trivet", async () => {
    await using folder = await Folder.make();
    const path = join(folder.path, "trivet.db");
    const old = new Database(path);
    old.run(SCHEMAS[0] ?? "");
    old.run("PRAGMA user_version = 1");
    const options = JSON.stringify([1, 7, 3, "fixed", 5000, null, ""]);
    old
      .query(
        "INSERT INTO job (uid, queue, run_at, attempt, type, payload, options) VALUES (?, ?, ?, ?, ?, ?, ?)",
      )
      .run("01OLD", "default", 0, 2, "x", "1", options);
    old.close();
    const store = new SqliteJobStore(path);
    const { jobs } = await store.claim("default", "a", 10, 0, new AbortController().signal);
    expect(jobs).toMatchObject([{ id: "01OLD", lane: "normal", attempt: 3, attempts: 3, expiresAtMs: 0 }]);
    await store.close();
  });

  test("the clock set back or forward neither holds jobs back nor ends leases", async () => {
    await using folder = await Folder.make();
    let setByMs = 0;
    const store = new SqliteJobStore(join(folder.path, "trivet.db"), () => Date.now() + setByMs);
    const { signal } = new AbortController();
    const claim = () => store.claim("default", "a", 10, 0, signal).then(({ jobs }) => jobs.length);
    await store.enqueue([newJob("x", 1), newJob("x", 2, { delay: "30m" })]);
    setByMs = -3_600_000;
    expect(await store.leases.promote(["default"], 10)).toBe(10);
    expect(await claim()).toBe(1);
    setByMs = 3_600_000;
    await store.leases.promote(["default"], 10);
    expect(await store.leases.reclaim(["default"], 30_000)).toBe(0);
    // The delayed one waits for its moment, which has come.
    expect(await claim()).toBe(1);
    setByMs = 0;
    await store.leases.promote(["default"], 10);
    await Bun.sleep(60);
    expect(await store.leases.reclaim(["default"], 50)).toBe(2);
    await store.close();
  });
});
