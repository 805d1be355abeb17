/** Jobs enqueued inside PostgreSQL transactions: there exactly when the transaction is. On the compiled binary. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { runTrivet } from "./harness/command.ts";
import { Folder } from "./harness/folder.ts";
import { PostgresServer } from "./harness/postgres_server.ts";
import { RedisServer } from "./harness/redis_server.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

const JOBS = `
import { appendFileSync } from "node:fs";
import { defineJobs } from "trivet";
export default defineJobs({ note: { run: (payload, job) => appendFileSync("ran.txt", payload + "\\n") } });
`;

/** Enqueues each word of its arguments in a transaction of its own; "-word" is rolled back, "=word" is a unique job of later. */
const SCRIPT = `
import { jobs } from "trivet";
import postgres from "${join(import.meta.dir, "../node_modules/postgres")}";
const [url, ...words] = process.argv.slice(2);
const sql = postgres(url, { onnotice() {} });
for (const word of words) {
  await sql.begin(async (tx) => {
    await tx\`CREATE TABLE IF NOT EXISTS word (word text)\`;
    await tx\`INSERT INTO word VALUES (\${word})\`;
    const later = { unique: { key: "k" }, delay: "1h" };
    const id = await jobs.enqueueIn(tx, "note", word, word.startsWith("=") ? later : {});
    if (word.startsWith("=")) console.log(id);
    if (word.startsWith("-")) throw new Error("rolled back");
  }).catch((error) => console.log(error.message));
}
await sql.end();
`;

function ranIn(site: Trivet): string[] {
  try {
    return readFileSync(join(site.folder.path, "ran.txt"), "utf8").split("\n").slice(0, -1).sort();
  } catch {
    return [];
  }
}

describe("jobs.enqueueIn", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start();
  }, 120_000);
  afterAll(() => server[Symbol.asyncDispose]());

  const worker = (store = "sqlite:./trivet.db") =>
    Trivet.start({
      mode: "worker",
      config: `[store]\nurl = "${store}"\n[database]\nprimary = "${server.url}"\n`,
      files: { "jobs.ts": JOBS, "script.ts": SCRIPT },
    });
  const enqueue = (site: Trivet, ...words: string[]) => site.run(["run", "script.ts", server.url, ...words]);

  test("a job runs when its transaction commits, and never when it rolls back", async () => {
    await using site = await worker();
    const { stdout, stderr, code } = await enqueue(site, "-zero", "one", "-two", "three");
    expect({ stdout, stderr, code }).toEqual({ stdout: "rolled back\nrolled back\n", stderr: "", code: 0 });
    await until(() => ranIn(site).length >= 2, "both run");
    expect(ranIn(site)).toEqual(["one", "three"]);
    await until(
      async () => (await server.psql("SELECT count(*) FROM trivet.outbox")) === "0",
      "the outbox is empty",
    );
    await until(
      async () =>
        (await (await site.admin("/metrics")).text()).includes("trivet_jobs_outbox_relayed_total 2"),
      "both are counted",
    );
  }, 120_000);

  test("the first use makes the table, whether a worker or a transaction comes first", async () => {
    await server.psql("DROP SCHEMA IF EXISTS trivet CASCADE");
    await using folder = await Folder.make({ "script.ts": SCRIPT });
    const words = ["-rolled back with it", "made"];
    const alone = await runTrivet(["run", "script.ts", server.url, ...words], { cwd: folder.path });
    expect(alone).toMatchObject({ code: 0, stderr: "" });
    expect(await server.psql("SELECT count(*) FROM trivet.outbox")).toBe("1");
    await using site = await worker();
    await until(() => ranIn(site).includes("made"), "a later worker relays it");
  }, 120_000);

  test("a user who may not make the table is told its SQL, and the transaction lives", async () => {
    await server.psql("DROP SCHEMA IF EXISTS trivet CASCADE");
    await server.psql("CREATE ROLE poor LOGIN");
    const sql = postgres(server.url.replace("//postgres@", "//poor@"));
    const { addToOutbox } = await import("../daemon/sdk/enqueue_in.ts");
    const { newJob } = await import("../shared/store/jobs/new_job.ts");
    const after = await sql.begin(async (tx) => {
      await expect(addToOutbox(tx, [newJob("x", 1)])).rejects.toThrow(
        /the user poor .* may not make it: run this.*\nCREATE SCHEMA/s,
      );
      return tx`SELECT 1 AS lives`;
    });
    expect(after[0]?.["lives"]).toBe(1);
    // Made by another user, it is told the grants; what is told suffices.
    const { ensureOutbox, OUTBOX_SQL } = await import("../shared/outbox/outbox_table.ts");
    await server.psql(OUTBOX_SQL);
    const refused = await sql.begin(async (tx) => {
      const told = await addToOutbox(tx, [newJob("x", 1)]).then(String, String);
      await tx`SELECT 1`;
      return told;
    });
    expect(refused).toContain("may not use the table trivet.outbox");
    await server.psql(refused.slice(refused.indexOf("\n")));
    await sql.begin((tx) => addToOutbox(tx, [newJob("x", 1)]));
    expect(await server.psql("SELECT count(*) FROM trivet.outbox")).toBe("1");
    await sql.begin(async (tx) =>
      expect(
        await ensureOutbox((text, parameters = []) => tx.unsafe(text, parameters as string[]), "relay"),
      ).toBe(true),
    );
    await server.psql("DELETE FROM trivet.outbox");
    await expect(addToOutbox({}, [])).rejects.toThrow("needs the transaction first");
    await sql.end();
  });

  test("two relays share the rows, and a row that is no job stays with its reason", async () => {
    await server.psql("DROP SCHEMA IF EXISTS trivet CASCADE");
    await using one = await worker();
    await using two = await worker();
    const words = Array.from({ length: 30 }, (_, i) => `w${i}`);
    expect((await enqueue(one, ...words)).code).toBe(0);
    await server.psql("INSERT INTO trivet.outbox (job) VALUES ('{}'); NOTIFY trivet_outbox");
    await until(() => ranIn(one).length + ranIn(two).length >= words.length, "all run");
    expect([...ranIn(one), ...ranIn(two)].sort()).toEqual([...words].sort());
    await until(
      async () => (await server.psql("SELECT error FROM trivet.outbox")) !== "",
      "the bad row is marked",
    );
    expect(await server.psql("SELECT count(*) FROM trivet.outbox WHERE error IS NULL")).toBe("0");
  }, 120_000);

  test("unique is decided at the relay: each has its own id, and the first that is relayed is there", async () => {
    await using site = await worker();
    const ids = (await enqueue(site, "=one", "=two", "last")).stdout.trim().split("\n");
    expect(new Set(ids).size).toBe(2);
    await until(() => ranIn(site).includes("last"), "all are relayed");
    const listed = JSON.parse((await site.run(["jobs", "ls", "--state", "delayed", "--json"])).stdout);
    expect(listed).toMatchObject([{ id: ids[0] }]);
    expect((await site.run(["jobs", "show", ids[1] ?? ""])).stderr).toContain("no job");
  }, 120_000);

  test("PostgreSQL and the store away and back: no committed job is lost, none runs twice, health says so", async () => {
    await using redis = await RedisServer.start();
    await using site = await worker(redis.url);
    expect((await enqueue(site, "before")).code).toBe(0);
    await until(() => ranIn(site).includes("before"), "it runs");
    await redis.kill();
    expect((await enqueue(site, "while the store is away")).code).toBe(0);
    await redis.start();
    await until(() => ranIn(site).includes("while the store is away"), "it runs", 60_000);
    await server.stop();
    await until(
      async () => (await (await site.admin("/health")).text()).includes("outbox"),
      "health says that PostgreSQL is away",
      60_000,
    );
    await server.start();
    expect((await enqueue(site, "after")).code).toBe(0);
    await until(() => ranIn(site).includes("after"), "it runs", 60_000);
    await until(async () => (await site.admin("/health")).ok, "all is well", 60_000);
    expect(ranIn(site)).toEqual(["after", "before", "while the store is away"]);
  }, 300_000);
});
