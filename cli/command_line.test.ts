import { expect, test } from "bun:test";
import { dirname, join, relative } from "node:path";

const ROOT = dirname(import.meta.dir);
const ts = new Bun.Transpiler({ loader: "ts" });

/** What is loaded with a file, without what it loads later by import(). */
async function loadedWith(files: readonly string[]): Promise<string[]> {
  const loaded = new Set(files.map((file) => join(ROOT, file)));
  for (const file of loaded) {
    for (const { path, kind } of ts.scanImports(await Bun.file(file).text()))
      if (kind === "import-statement" && path.startsWith(".")) loaded.add(join(dirname(file), path));
  }
  return [...loaded].map((file) => relative(ROOT, file)).toSorted();
}

test("a command that needs no room loads none: version and help are there at once", async () => {
  expect(await loadedWith(["trivet.ts", "cli/command_line.ts", "cli/version.ts"])).toEqual([
    "cli/arguments.ts",
    "cli/command_line.ts",
    "cli/commands.ts",
    "cli/help.ts",
    "cli/jobs_words.ts",
    "cli/say.ts",
    "cli/version.ts",
    "shared/plain_text.ts",
    "shared/process/child_start.ts",
    "shared/thrown_value.ts",
    "shared/user_error.ts",
    "trivet.ts",
  ]);
});
