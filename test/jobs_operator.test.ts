/** `trivet jobs`: what an operator sees of single jobs and does with them. On the compiled binary, for both stores. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { runTrivet } from "./harness/command.ts";
import { Folder } from "./harness/folder.ts";
import { RedisServer } from "./harness/redis_server.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

const HANDLERS = `
import { t } from "elysia";
import { defineJobs } from "trivet";
export default defineJobs({
  quick: { run: () => ({ secret: "result" }) },
  fails: { attempts: 1, run() { throw new Error("boom"); } },
  fails_once: { backoff: () => 3600_000, run(_, job) { if (job.attempt === 1) throw new Error("boom once"); } },
  kept: { queue: "elsewhere", lane: "low", keep: "1h", schema: t.Object({ card: t.String() }), run: () => 1 },
  waits: { run: () => Bun.sleep(3600_000) },
});
`;

describe.each(["SQLite", "Redis"] as const)("trivet jobs on %s", (kind) => {
  let redis: RedisServer;
  let site: Trivet;

  beforeAll(async () => {
    if (kind === "Redis") redis = await RedisServer.start();
    site = await Trivet.start({
      mode: "worker",
      config: `[store]\nurl = "${kind === "Redis" ? redis.url : "sqlite:./trivet.db"}"\n[worker]\nshutdown_timeout = "1s"\n`,
      files: { "jobs.ts": HANDLERS },
    });
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
    if (kind === "Redis") await redis[Symbol.asyncDispose]();
  });

  const jobs = (...words: string[]) => site.run(["jobs", ...words, "-c", "trivet.toml"]);
  const json = async (...words: string[]): Promise<unknown> =>
    JSON.parse((await jobs(...words, "--json")).stdout) as unknown;
  const enqueue = async (type: string, queue = "default") =>
    (await jobs("enqueue", type, '{"card":"4242"}', "--queue", queue)).stdout.trim();
  const show = async (id: string) => (await json("show", id)) as Record<string, unknown>;

  test("ls with a filter lists jobs, show all of one; payloads only when asked", async () => {
    const [running, dead, other] = [
      await enqueue("waits"),
      await enqueue("fails"),
      await enqueue("quick", "elsewhere"),
    ];
    await until(async () => (await show(running))["state"] === "running", "it runs");
    await until(async () => (await show(dead))["state"] === "dead", "it is dead");
    const table = (await jobs("ls", "--state", "running")).stdout;
    expect(table).toContain(running);
    expect(table).not.toContain("4242");
    for (const filter of [["--state", "running"], []])
      expect((await jobs("ls", ...filter, "--payload")).stdout).toContain('{"card":"4242"}');
    expect(await json("ls", "--type", "quick", "--queue", "elsewhere")).toMatchObject([
      { id: other, queue: "elsewhere", type: "quick", state: "waiting", attempts: 0 },
    ]);
    // A queue that no worker here has is listed too.
    expect(await json("ls")).toMatchObject([{ queue: "default" }, { queue: "elsewhere", waiting: 1 }]);
    expect(await json("ls", "--reason", "exhausted")).toMatchObject([{ id: dead, reason: "exhausted" }]);
    expect(await json("dead", "--type", "fails")).toMatchObject([
      { id: dead, error: expect.stringContaining("boom") },
    ]);
    expect(await show(dead)).toMatchObject({ id: dead, state: "dead", reason: "exhausted", attempt: 1 });
    expect(await show(dead)).not.toHaveProperty("payload");
    expect(await json("show", dead, "--payload")).toMatchObject({ payload: { card: "4242" } });
    expect((await jobs("show", dead)).stdout).toMatch(/^reason +exhausted$/m);
    expect(await jobs("show", "nobody")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no job nobody"),
    });
  });

  test("enqueue: as an app does it, with what the handler says for all its jobs", async () => {
    const { stdout } = await jobs("enqueue", "kept", '{"card":"4242"}');
    expect(await show(stdout.trim())).toMatchObject({ queue: "elsewhere", lane: "low" });
    const wrong = await jobs("enqueue", "kept", '{"card":4242}');
    expect(wrong.stderr).toBe('job "kept": payload.card does not match its schema: Expected string\n');
    expect(wrong.code).toBe(2);
  });

  test("retry: dead ones and delayed ones now; kill: dead, whatever they did", async () => {
    const [dead, delayed, running] = [
      await enqueue("fails"),
      await enqueue("fails_once"),
      await enqueue("waits"),
    ];
    await until(async () => (await show(dead))["state"] === "dead", "it is dead");
    await until(async () => (await show(delayed))["state"] === "delayed", "it waits for its second try");
    expect(await show(delayed)).toMatchObject({ attempts: 1, error: expect.stringContaining("boom once") });
    expect(await jobs("retry", dead, delayed)).toMatchObject({ code: 0 });
    await until(async () => (await show(dead))["state"] === "dead", "it failed again");
    await until(async () => (await jobs("show", delayed)).code === 1, "it is done");
    expect(await jobs("retry", "nobody")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("nobody"),
    });
    await until(async () => (await show(running))["state"] === "running", "it runs");
    expect(await jobs("kill", running)).toMatchObject({ code: 0 });
    expect(await show(running)).toMatchObject({ state: "dead", reason: "killed" });
    expect(await jobs("kill", running)).toMatchObject({ code: 1 });
  });

  test("wrong words: exit code 2, and what to use instead", async () => {
    for (const words of [
      ["nothing"],
      ["show"],
      ["retry"],
      ["kill"],
      ["ls", "--state", "odd"],
      ["ls", "--limit", "odd"],
      ["ls", "odd"],
      ["dead", "--reason", "odd"],
    ]) {
      const { code, stderr } = await jobs(...words);
      expect({ words, code }).toEqual({ words, code: 2 });
      expect(stderr).toMatch(/use|name/);
    }
  });

  test("quiet: the workers here take nothing new, what runs goes on", async () => {
    expect(await jobs("quiet")).toMatchObject({ code: 0 });
    const status = (await (await site.admin("/status")).json()) as { modes: { worker: { quiet: boolean } } };
    expect(status.modes.worker.quiet).toBe(true);
    expect((await site.run(["status"])).stdout).toContain("quiet: the workers take no new job");
    const id = await enqueue("quick");
    await Bun.sleep(300);
    expect(await show(id)).toMatchObject({ state: "waiting" });
    expect((await json("ls", "--state", "running")) as unknown[]).not.toBeEmpty();
  });
});

const IMPORT = 'import { defineJobs } from "trivet";\n';
const REST = "\nexport default defineJobs({ x: { run() {} } });\n";

test.each([
  [
    "a syntax error",
    `${IMPORT}export default defineJobs({\n  x: { run( {\n});\n`,
    /^\/.*jobs\.ts:4: Expected/,
  ],
  ["it throws", `${IMPORT}throw new Error("no database");${REST}`, /^\/.*jobs\.ts:2: no database$/],
  ["a file is missing", `import { y } from "./no.ts";\n${IMPORT}y();${REST}`, /^\/.*jobs\.ts:1: .*no\.ts/],
  [
    "a wrong setting",
    `${IMPORT}export default defineJobs({ x: { atempts: 1, run() {} } });`,
    /jobs\.ts:2: .*atempts/,
  ],
  ["nothing exported", "export const a = 1;", /jobs\.ts: the default export must be defineJobs/],
  [
    "it waits for ever",
    `${IMPORT}await new Promise(() => {});${REST}`,
    /jobs\.ts:2: it waits for something that never/,
  ],
  ["it ends the process", `${IMPORT}process.exit(0);${REST}`, /jobs\.ts: it ended the process/],
  [
    "it fails beside its loading",
    `${IMPORT}setTimeout(() => { throw new Error("later"); }, 1);\nawait Bun.sleep(5_000);${REST}`,
    /^\/.*jobs\.ts:2: later$/,
  ],
])(
  "enqueue with a jobs.ts that can't be loaded (%s): one sentence, exit code 1, nothing stored",
  async (_, text, sentence) => {
    await using folder = await Folder.make({ "jobs.ts": text });
    const { code, stdout, stderr } = await runTrivet(["jobs", "enqueue", "x", "1"], { cwd: folder.path });
    expect({ code, stdout, lines: stderr.trim().split("\n").length }).toEqual({
      code: 1,
      stdout: "",
      lines: 1,
    });
    expect(stderr.trim()).toMatch(sentence);
    const listed = await runTrivet(["jobs", "ls", "--json"], { cwd: folder.path });
    expect(JSON.parse(listed.stdout)).toMatchObject([{ waiting: 0 }]);
  },
);
