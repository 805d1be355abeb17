import { expect, test } from "bun:test";
import { Folder } from "../../test/harness/folder.ts";
import { mapLines } from "./line_map.ts";
import { checkConfig } from "./load.ts";
import { userFileFaults } from "./user_file.ts";

const EMPTY_FOLDER = "/nowhere";

function missing(text: string): string[] {
  const config = checkConfig(text, "trivet.toml", EMPTY_FOLDER, {});
  return userFileFaults(config, mapLines(text)).map(({ line, sentence }) => `${line}: ${sentence}`);
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

test("a file that can't be parsed is told of with its line, and nothing of it runs", async () => {
  await using folder = await Folder.make({
    "app.ts": "process.exit(7);\nexport default { fetch(: Response { } };\n",
    "jobs.ts": 'import { x } from "./not_there.ts";\nexport default x as unknown as object;\n',
  });
  const config = checkConfig("", "trivet.toml", folder.path, {});
  expect(userFileFaults(config, mapLines(""))).toEqual([
    { line: 1, sentence: expect.stringMatching(/^serve\.app: .*app\.ts:2: Expected/) },
  ]);
});

test("JSX in .js is no fault: Bun runs it", async () => {
  await using folder = await Folder.make({ "app.js": "export const page = <p>hi</p>;\n" });
  const text = '[serve]\napp = "app.js"';
  const config = checkConfig(text, "trivet.toml", folder.path, {});
  expect(userFileFaults(config, mapLines(text))).toEqual([]);
});
