import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { runTrivet } from "./harness/command.ts";
import { Folder } from "./harness/folder.ts";

const DOCS = resolve(import.meta.dir, "../docs");

function examples(): [name: string, text: string][] {
  return readdirSync(DOCS)
    .filter((name) => name.endsWith(".md"))
    .flatMap((name) =>
      [...readFileSync(join(DOCS, name), "utf8").matchAll(/^```toml\n(.*?)^```$/gms)].map(
        ([, text = ""], i): [string, string] => [`${name}, ${i + 1}`, text],
      ),
    );
}

test.each(examples())("trivet check takes the example of docs/%s", async (_name, text) => {
  await using folder = await Folder.make({ "trivet.toml": text, "app.ts": "", "jobs.ts": "" });
  const { code, stderr } = await runTrivet(["check"], { cwd: folder.path });
  expect([stderr, code]).toEqual(["", 0]);
});
