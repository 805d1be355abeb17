import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addBrokenRow } from "../../../test/harness/broken_row.ts";
import { conformance, type StoreUnderTest } from "./conformance.ts";
import { deskConformance } from "./desk_conformance.ts";
import { newJob } from "./new_job.ts";
import { optionConformance } from "./option_conformance.ts";
import { SqliteJobStore } from "./sqlite.ts";

describe("SQLite in this process", () => {
  const dir = mkdtempSync(join(tmpdir(), "tv-"));
  const path = join(dir, "trivet.db");
  const store: StoreUnderTest = {
    start: async () => undefined,
    stop: async () => rmSync(dir, { recursive: true }),
    open: () => new SqliteJobStore(path),
    addBroken: async (queue) => addBrokenRow(path, queue),
  };
  beforeAll(() => store.start());
  afterAll(() => store.stop());
  describe("jobs", () => conformance(store));
  describe("jobs with options, queues with rules", () => optionConformance(store));
  describe("single jobs in an operator's hands", () => deskConformance(store));
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
});
