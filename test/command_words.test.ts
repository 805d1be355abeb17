/** What a command does not look at is refused: its writer takes it for heard. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runTrivet } from "./harness/command.ts";
import { Folder } from "./harness/folder.ts";

const REFUSED: readonly (readonly [line: string, sentence: string])[] = [
  ["init mysite", "mkdir mysite && cd mysite && trivet init"],
  ["up prod", 'trivet up takes no "prod"'],
  ["proxy edge.toml", 'trivet proxy takes no "edge.toml"'],
  ["serve app.ts other.ts", 'trivet serve takes no "other.ts"'],
  ["worker jobs.ts other.ts", 'trivet worker takes no "other.ts"'],
  ["check trivet.toml", 'trivet check takes no "trivet.toml"'],
  ["status proxy", 'trivet status takes no "proxy"'],
  ["doctor now", 'trivet doctor takes no "now"'],
  ["inventory --list all", 'trivet inventory takes no "all"'],
  ["version 1", 'trivet version takes no "1"'],
  ["help up down", 'trivet help takes one command, and no "down"'],
  ["reload proxy serve", "name one mode"],
  ["upgrade proxy serve worker", 'trivet upgrade takes no "serve"'],
  ["backend ls app", "takes no further words"],
  ["jobs ls mail", 'trivet jobs ls takes no "mail"'],
  ["up --watch=false", "--watch takes no value"],
  ["check --json=yes", "--json takes no value"],
  ["check --constructor", "trivet check has no flag --constructor"],
];

test.each(REFUSED)("trivet %s is refused", async (line, sentence) => {
  await using folder = await Folder.make({ "trivet.toml": '[admin]\ndir = "run"\nhttp = ""\n' });
  const { code, stdout, stderr } = await runTrivet(line.split(" "), { cwd: folder.path });
  expect({ code, stdout, stderr }).toEqual({
    code: 2,
    stdout: "",
    stderr: expect.stringContaining(sentence),
  });
  expect(existsSync(join(folder.path, "app.ts"))).toBe(false);
});

test("the help of every command explains each of its flags", async () => {
  const { stdout } = await runTrivet(["help"]);
  const names = [...stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name = ""]) => name);
  expect(names).toContain("jobs");
  for (const name of names) {
    const page = (await runTrivet(["help", name])).stdout;
    const flags = page.split("\n").filter((line) => /^ {2}-/.test(line));
    expect(flags.length).toBeGreaterThanOrEqual(4);
    for (const line of flags) expect(line).toMatch(/^ {2}-[-a-z]+( [A-Z[\],:…]+)? {2,}\S.{7}/);
  }
  expect((await runTrivet(["up", "--help"])).stdout).toMatch(/--watch +for development/);
});
