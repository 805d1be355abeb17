import { expect, test } from "bun:test";
import { mapLines } from "./line_map.ts";
import { checkConfig } from "./load.ts";
import { missingUserFiles } from "./user_file.ts";

const EMPTY_FOLDER = "/nowhere";

function missing(text: string): string[] {
  const config = checkConfig(text, "trivet.toml", EMPTY_FOLDER, {});
  return missingUserFiles(config, mapLines(text)).map(({ line, sentence }) => `${line}: ${sentence}`);
}

test("a file that no section speaks of is not asked for", () => {
  expect(missing("")).toEqual([]);
  expect(missing("[proxy]\nworkers = 1")).toEqual([]);
});

test("a section asks for its file, at the line that names it", () => {
  expect(missing('[worker]\nbatch = 1\nhandlers = "a.ts"\n[serve]\nworkers = 1')).toEqual([
    "3: worker.handlers: there is no handlers file /nowhere/a.ts",
    "4: serve.app: there is no app /nowhere/app.ts",
  ]);
});

test.each([
  '[[proxy.route]]\nbackend = "serve:"',
  '[backend.a]\nservers = ["serve:"]',
  '[backend.a]\nservers = [{ address = "serve:" }]',
])("%j asks for the app", (text) => {
  expect(missing(text)).toEqual(["1: serve.app: there is no app /nowhere/app.ts"]);
});
