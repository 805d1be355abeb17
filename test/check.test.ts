import { expect, test } from "bun:test";
import { runTrivet } from "./harness/command.ts";
import { Folder } from "./harness/folder.ts";

const CHECK = ["check", "-c", "trivet.toml"];

test("a valid file is said to be valid, and nothing is made", async () => {
  await using folder = await Folder.make({
    "trivet.toml": '[[proxy.route]]\nbackend = "a"\n[backend.a]\nservers = ["127.0.0.1:1"]\n',
  });
  expect(await runTrivet(CHECK, { cwd: folder.path })).toEqual({
    code: 0,
    stdout: "trivet.toml is valid\n",
    stderr: "",
  });
  expect([...new Bun.Glob("**/*").scanSync({ cwd: folder.path, dot: true })]).toEqual(["trivet.toml"]);
});

test("every fault comes at once with its line, on stderr, with exit code 2", async () => {
  await using folder = await Folder.make({
    "trivet.toml": '[proxy]\nwrkers = 1\n[serve]\nlisten = "here"\n',
  });
  const { code, stdout, stderr } = await runTrivet(CHECK, { cwd: folder.path });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr.split("\n")).toEqual([
    "trivet.toml:2: proxy.wrkers is not a key of trivet.toml; did you mean workers?",
    expect.stringContaining("trivet.toml:4: serve.listen must be an address"),
    "",
  ]);
});

test("an app that a section needs and that is not there is a fault", async () => {
  await using folder = await Folder.make({ "trivet.toml": "[serve]\nworkers = 1\n" });
  const { code, stderr } = await runTrivet(CHECK, { cwd: folder.path });
  expect(code).toBe(2);
  expect(stderr).toBe(`trivet.toml:1: serve.app: there is no app ${folder.path}/app.ts\n`);
});

test("a file that is not there is one sentence", async () => {
  await using folder = await Folder.make();
  expect(await runTrivet(CHECK, { cwd: folder.path })).toEqual({
    code: 2,
    stdout: "",
    stderr: "there is no config file trivet.toml: check the name after -c\n",
  });
});

test("without a file the defaults are valid", async () => {
  await using folder = await Folder.make();
  const { code, stdout } = await runTrivet(["check"], { cwd: folder.path });
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: "there is no trivet.toml here: all keys have their defaults\n",
  });
});

test("--json says the same for programs", async () => {
  await using folder = await Folder.make({ "trivet.toml": "[proxy]\nworkers = auto\n" });
  const { code, stdout } = await runTrivet([...CHECK, "--json"], { cwd: folder.path });
  expect(code).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({
    file: "trivet.toml",
    valid: false,
    errors: [{ line: 2, column: 11 }],
  });
});

test("--schema prints a JSON Schema", async () => {
  const { code, stdout } = await runTrivet(["check", "--schema"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ title: "trivet.toml", type: "object" });
});

test.each(["proxy", "serve", "worker", "up"])(
  "trivet %s refuses a wrong config before it starts anything",
  async (mode) => {
    await using folder = await Folder.make({
      "trivet.toml": "[proxy]\nworkers = 0\n",
      "app.ts": "",
      "jobs.ts": "",
    });
    const { code, stdout, stderr } = await runTrivet([mode, "-c", "trivet.toml"], { cwd: folder.path });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe('trivet.toml:2: proxy.workers must be "auto" or a whole number from 1 to 512\n');
  },
);
