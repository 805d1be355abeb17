/** What jobs, apps and command lines hold can't command the terminal of whoever looks at it. */
import { expect, test } from "bun:test";
import { trivetBinary } from "./harness/binary.ts";
import { Folder } from "./harness/folder.ts";
import { Trivet } from "./harness/trivet.ts";
import { until } from "./harness/until.ts";

/** Clears the screen, names the window, turns what follows around. */
const HOSTILE = "x\x1b[2J\x1b]0;owned\x07\x9b31m\x7f\u202eevil";
const SHOWN = "x\\x1b[2J\\x1b]0;owned\\x07\\x9b31m\\x7f\\u202eevil";
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const OBEYED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

const HANDLERS = `
import { defineJobs } from "trivet";
const hostile = ${JSON.stringify(HOSTILE)};
export default defineJobs({
  [hostile]: { attempts: 1, run(payload, job) {
    job.log.info({ said: payload }, hostile);
    throw new Error(hostile + "\\nreason       forged");
  } },
});
`;

test("trivet jobs shows what a terminal would obey, and --json keeps the values", async () => {
  await using site = await Trivet.start({ mode: "worker", files: { "jobs.ts": HANDLERS } });
  const enqueued = await site.run(["jobs", "enqueue", HOSTILE, JSON.stringify({ a: HOSTILE })]);
  const id = enqueued.stdout.trim();
  const dead = async () => JSON.parse((await site.run(["jobs", "dead", "--json"])).stdout) as Dead[];
  await until(async () => (await dead()).length === 1, "it is dead");
  expect((await dead())[0]).toMatchObject({ id, type: HOSTILE, error: expect.stringContaining(HOSTILE) });
  for (const words of [["dead"], ["dead", "--payload"], ["show", id], ["show", id, "--payload"]]) {
    const { stdout } = await site.run(["jobs", ...words]);
    expect(stdout).toContain(SHOWN);
    expect(stdout).not.toMatch(OBEYED);
    expect(stdout).not.toMatch(/^reason +forged$/m);
  }
  expect((await site.run(["jobs", "dead", "--json", "--payload"])).stdout).not.toMatch(OBEYED);
});

interface Dead {
  id: string;
  type: string;
  error: string;
}

test("so do the sentences of errors", async () => {
  await using folder = await Folder.make({ "trivet.toml": '[proxy]\n"x\\u001b[2J" = 1\n' });
  for (const words of [["jobs", "show", HOSTILE], [HOSTILE], ["check", `--${HOSTILE}`], ["check"]]) {
    const { stderr } = Bun.spawnSync([trivetBinary(), ...words], { cwd: folder.path });
    expect(stderr.toString()).toContain("\\x1b[2J");
    expect(stderr.toString()).not.toMatch(OBEYED);
  }
});

test("and the log, on a terminal and in a file", async () => {
  await using folder = await Folder.make({
    "jobs.ts": HANDLERS,
    "trivet.toml": '[admin]\ndir = "run"\nhttp = ""\n',
  });
  const trivet = (...words: string[]) => [trivetBinary(), ...words];
  let said = "";
  await using terminal = new Bun.Terminal({
    cols: 200,
    rows: 50,
    data: (_, bytes) => {
      said += new TextDecoder().decode(bytes);
    },
  });
  const watched = Bun.spawn(trivet("worker"), { cwd: folder.path, terminal });
  try {
    await Bun.spawn(trivet("jobs", "enqueue", HOSTILE, JSON.stringify(HOSTILE)), { cwd: folder.path }).exited;
    await until(() => said.includes("said="), `the handler's line is there: ${JSON.stringify(said)}`);
    expect(said).toContain(SHOWN);
    expect(said.replaceAll("\r\n", "\n")).not.toMatch(OBEYED);
  } finally {
    watched.kill("SIGTERM");
    await watched.exited;
  }
  await using site = await Trivet.start({ mode: "worker", files: { "jobs.ts": HANDLERS } });
  await site.run(["jobs", "enqueue", HOSTILE, JSON.stringify(HOSTILE)]);
  await until(() => site.stderr.includes('"said"'), "the handler's line is there");
  expect(site.stderr).not.toMatch(OBEYED);
  const line = site.stderr.split("\n").find((one) => one.includes('"said"')) ?? "";
  expect(JSON.parse(line)).toMatchObject({ said: HOSTILE, msg: HOSTILE });
});
