/** trivet run, test and init, as a user has them. */
import { describe, expect, test } from "bun:test";
import { readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { SqliteJobStore } from "../shared/store/jobs/sqlite.ts";
import { runTrivet } from "./harness/command.ts";
import { Folder } from "./harness/folder.ts";
import { freePort } from "./harness/free_port.ts";
import { RedisServer } from "./harness/redis_server.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

async function waitingIn(folder: Folder): Promise<number> {
  const store = new SqliteJobStore(join(folder.path, "trivet.db"));
  const [counts] = await store.counts(["default"]);
  await store.close();
  return counts?.waiting ?? 0;
}

describe("trivet run", () => {
  test("runs a script with trivet and elysia, its arguments, and what it did not wait for", async () => {
    await using folder = await Folder.make({
      "script.ts": `
        import { Elysia } from "elysia";
        import { jobs } from "trivet";
        console.log(process.argv.slice(2).join(" "), typeof Elysia);
        await jobs.enqueue("first");
        setTimeout(async () => { await jobs.enqueue("second"); process.exitCode = 3; }, 20);`,
    });
    const { code, stdout, stderr } = await runTrivet(["run", "script.ts", "--flag", "word"], {
      cwd: folder.path,
    });
    expect({ code, stdout, stderr }).toEqual({ code: 3, stdout: "--flag word function\n", stderr: "" });
    expect(await waitingIn(folder)).toBe(2);
  });

  test("ends although its jobs are in Redis", async () => {
    await using redis = await RedisServer.start();
    await using folder = await Folder.make({
      "trivet.toml": `[store]\nurl = "${redis.url}"\n`,
      "script.ts": 'import { jobs } from "trivet"; console.log((await jobs.enqueue("any")).length);',
    });
    const { code, stdout } = await runTrivet(["run", "script.ts"], { cwd: folder.path });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "26\n" });
  });

  test("tells where a script failed, and gives its exit code", async () => {
    await using folder = await Folder.make({
      "throws.ts": "\nthrow new TypeError('no');",
      "later.ts": "\nsetTimeout(() => { throw new TypeError('no'); }, 1);",
      "exits.ts": "process.exit(7);",
    });
    const run = (file: string) => runTrivet(["run", file], { cwd: folder.path });
    const thrown = await run("throws.ts");
    expect([thrown.code, thrown.stderr.trim()]).toEqual([1, `${folder.path}/throws.ts:2: TypeError: no`]);
    const later = await run("later.ts");
    expect(later.code).toBe(1);
    expect(later.stderr).toContain(`${folder.path}/later.ts:2`);
    expect((await run("exits.ts")).code).toBe(7);
    const missing = await run("none.ts");
    expect([missing.code, missing.stderr.trim()]).toEqual([
      1,
      `${folder.path}/none.ts is missing: create it or name another file`,
    ]);
    expect((await runTrivet(["run"], { cwd: folder.path })).code).toBe(2);
  });
});

describe("trivet test", () => {
  const PASSING = `
    import { expect, test } from "bun:test";
    import { Elysia } from "elysia";
    import { jobs } from "trivet";
    test("a job can be enqueued", async () => {
      expect(await jobs.enqueue("any")).toHaveLength(26);
      expect(await jobs.enqueue("greet", { name: 1 }).catch((error) => error.message)).toContain("payload.name");
      expect(new Elysia().get("/", () => "").routes).toHaveLength(1);
      expect(process.env.BUN_BE_BUN).toBeUndefined();
    });`;
  const JOBS = `
    import { t } from "elysia";
    import { defineJobs } from "trivet";
    export default defineJobs({ greet: { schema: t.Object({ name: t.String() }), run() {} } });`;

  test("passes and fails as the tests do, on a store that is thrown away", async () => {
    await using folder = await Folder.make({
      "good.test.ts": PASSING,
      "bad.test.ts": 'import { test } from "bun:test"; test("fails", () => { throw new Error("no"); });',
      "jobs.ts": JOBS,
      "tmp/.keep": "",
    });
    const run = (...args: string[]) =>
      runTrivet(["test", ...args], { cwd: folder.path, env: { TMPDIR: join(folder.path, "tmp") } });
    const good = await run("good");
    expect(good.stderr).toContain("1 pass");
    expect(good.code).toBe(0);
    const bad = await run("bad", "--bail");
    expect(bad.stderr).toContain("1 fail");
    expect(bad.code).toBe(1);
    const chosen = await run("-t", "enqueued");
    expect(chosen.stderr).toContain("1 filtered out");
    expect(chosen.code).toBe(0);
    expect(readdirSync(folder.path).filter((name) => name.includes(".db"))).toEqual([]);
    expect(readdirSync(join(folder.path, "tmp"))).toEqual([".keep"]);
  });

  test("the user's own elysia is theirs in tests too", async () => {
    await using folder = await Folder.make({
      "node_modules/elysia/package.json": '{ "name": "elysia", "version": "0.0.1", "main": "mine.js" }',
      "node_modules/elysia/mine.js": 'export const mine = "mine";',
      "own.test.ts": `import { expect, test } from "bun:test"; import { mine } from "elysia";
        test("mine", () => expect(mine).toBe("mine"));`,
    });
    expect((await runTrivet(["test"], { cwd: folder.path })).code).toBe(0);
  });
});

/** By a schema, by a declared parameter, by none; one job enqueues another. */
const TYPED_JOBS = `
  import { defineJobs, jobs } from "trivet";
  const schema = {} as { static: { to: string } };
  export default defineJobs({
    greet: {
      lane: "high",
      async run({ name }: { name: string }, job) {
        await jobs.enqueue("mail", { to: name });
        if (name === "") job.discard("nobody");
        job.progress({ greeted: name.length });
        return name;
      },
    },
    mail: { schema, limit: { key: (payload) => payload.to, concurrency: 1 }, run: (payload) => payload.to.length },
    clean: { run() {} },
  });`;

function checkTypes(folder: Folder): string {
  const typed = Bun.spawnSync([process.execPath, "check"], {
    cwd: folder.path,
    stdout: "pipe",
    stderr: "pipe",
  });
  return typed.stdout.toString() + typed.stderr.toString();
}

describe("trivet init", () => {
  test("writes a site whose types are right, and overwrites nothing", async () => {
    await using folder = await Folder.make();
    const first = await runTrivet(["init"], { cwd: folder.path });
    expect([first.code, first.stderr]).toEqual([0, ""]);
    const names = ["app.ts", "jobs.ts", "trivet.d.ts", "trivet.toml", "tsconfig.json"];
    expect(readdirSync(folder.path).sort()).toEqual(names);
    expect((await runTrivet(["check"], { cwd: folder.path })).code).toBe(0);
    expect(checkTypes(folder)).toContain("No type errors");

    const again = await runTrivet(["init"], { cwd: folder.path });
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("trivet init overwrites nothing");
    const types = join(folder.path, "trivet.d.ts");
    const text = await Bun.file(types).text();
    await Bun.write(types, "// as an older Trivet wrote it");
    expect(await runTrivet(["init", "--types"], { cwd: folder.path })).toMatchObject({ code: 0 });
    expect(await Bun.file(types).text()).toBe(text);
  });

  test("its types know the jobs of jobs.ts, and refuse what enqueue would refuse", async () => {
    await using folder = await Folder.make();
    await runTrivet(["init"], { cwd: folder.path });
    await folder.write("jobs.ts", TYPED_JOBS);
    const enqueue = (call: string) => `import { jobs } from "trivet";\nawait jobs.${call};\n`;
    const right = [
      'enqueue("greet", { name: "Ann" }, { lane: "high", keep: "1h", unique: { key: "k" } })',
      'enqueue("mail", { to: "a@b" }, { limit: { key: "b", concurrency: 1 } })',
      'enqueue("clean")',
      'enqueueMany([{ type: "greet", payload: { name: "Ann" } }, { type: "clean", delay: "1m" }])',
    ];
    for (const [i, call] of right.entries()) await folder.write(`right${i}.ts`, enqueue(call));
    expect(checkTypes(folder)).toContain("No type errors");
    const wrong = [
      'enqueue("gret", { name: "Ann" })',
      'enqueue("greet", { nam: "Ann" })',
      'enqueue("greet")',
      'enqueue("mail", { to: 1 })',
      'enqueue("clean", {}, { delayed: 1 })',
      'enqueueMany([{ type: "greet", payload: { name: 1 } }])',
    ];
    for (const [i, call] of wrong.entries()) await folder.write(`wrong${i}.ts`, enqueue(call));
    const faults = checkTypes(folder);
    for (const i of wrong.keys()) expect(faults).toContain(`wrong${i}.ts(2,`);
    expect(faults).not.toContain("right");
    await folder.write("jobs.ts", TYPED_JOBS.replace('"high"', '"hihg"'));
    expect(checkTypes(folder)).toContain("jobs.ts(");
  });

  test("the example's types are right beside them", async () => {
    await using folder = await Folder.make();
    await runTrivet(["init"], { cwd: folder.path });
    const root = join(import.meta.dir, "..");
    for (const name of ["app.ts", "jobs.ts", "page.html"])
      await folder.write(name, await Bun.file(join(root, "examples/photos", name)).text());
    const settings = await Bun.file(join(folder.path, "tsconfig.json")).text();
    await folder.write("tsconfig.json", settings.replace('"types": []', '"types": ["bun-types"]'));
    symlinkSync(join(root, "node_modules"), join(folder.path, "node_modules"));
    expect(checkTypes(folder)).toContain("No type errors");
  });

  test("its types know what a handler gets, and refuse settings that defineJobs would refuse", async () => {
    await using folder = await Folder.make();
    await runTrivet(["init"], { cwd: folder.path });
    await folder.write("app.ts", "export default { fetch: () => new Response() };\n");
    const handlers = (body: string) =>
      folder.write(
        "jobs.ts",
        `import { defineJobs } from "trivet";
        const schema = {} as { static: { to: string } };
        export default defineJobs({ ${body} });`,
      );
    await handlers(`
      said: { schema, limit: { key: ({ to }) => to, concurrency: 1 }, async run({ to }, job) { job.progress(to.length); } },
      declared: { limit: { key: (payload) => payload.to, concurrency: 1 }, async run({ to }: { to: string }, job) { job.log.info(to); } },
      open: { timeout: 500, backoff: (attempt) => attempt * 2, async run(payload, job) { job.log.info({ payload }, payload.to); } },
      nothing: { run: (_, job) => job.discard() },`);
    expect(checkTypes(folder)).toContain("No type errors");
    await handlers(`
      a: { schema, async run({ too }, job) {} },
      b: { schema, async run({ to }, job) { job.progess(to); } },
      c: { async run(payload: { to: string }, job) { job.progess(payload.to); } },
      d: { timout: 500, async run(payload, job) {} },
      e: { lane: "urgent", async run(payload, job) {} },
      f: { timeout: "30s" },`);
    const faults = checkTypes(folder);
    for (const line of [4, 5, 6, 7, 8, 9]) expect(faults).toContain(`jobs.ts(${line},`);
  });

  test("trivet up there serves the page, and its button's job runs", async () => {
    await using folder = await Folder.make();
    await runTrivet(["init"], { cwd: folder.path });
    const files = Object.fromEntries(
      await Promise.all(
        ["app.ts", "jobs.ts"].map(async (name) => [name, await Bun.file(join(folder.path, name)).text()]),
      ),
    ) as Record<string, string>;
    const port = await freePort();
    const toml = await Bun.file(join(folder.path, "trivet.toml")).text();
    // Only what would clash with another site on this machine.
    const config = `${toml.replace("127.0.0.1:8080", `127.0.0.1:${port}`).replace('# listen = "127.0.0.1:3000"', 'listen = "127.0.0.1:0"')}`;
    await using site = await Trivet.start({ mode: "up", config, files });
    const page = await fetch(`http://127.0.0.1:${port}/`);
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(await page.text()).toContain("Greet later");
    const form = new FormData();
    form.set("name", "Ann");
    const answer = await fetch(`http://127.0.0.1:${port}/greet`, { method: "POST", body: form });
    expect(await answer.json()).toEqual({ job: expect.stringMatching(/^[0-9A-Z]{26}$/) });
    await until(() => (site.stdout + site.stderr).includes("Hello, Ann!"), "the worker greets");
  });
});
