import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Folder } from "../../test/harness/folder.ts";
import { importHandlers } from "./handlers_file.ts";
import { importUserFile } from "./user_code.ts";
import { loadingPlace } from "./user_fault.ts";

const folder = mkdtempSync(join(tmpdir(), "trivet-fault-"));
afterAll(() => rmSync(folder, { recursive: true }));

let written = 0;
/** A folder for each case: Bun keeps failed imports. */
function file(text: string, name = `app${written++}.ts`): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function sentence(path: string): Promise<string> {
  return importUserFile(path).then(
    () => "loaded",
    (error: Error) => error.message,
  );
}

test("names a missing file and a folder", async () => {
  expect(await sentence(join(folder, "none.ts"))).toBe(
    `${folder}/none.ts is missing: create it or name another file`,
  );
  expect(await sentence(folder)).toBe(`${folder} is not a file`);
});

test("names the line of a syntax error, the first of several", async () => {
  const path = file("const a = 1;\nconst b = {;\nconst c = );");
  expect(await sentence(path)).toBe(`${path}:2: Expected identifier but found ";"`);
});

test("names the line that throws, also in a file it imports", async () => {
  const library = file('\n\nthrow new TypeError("broke");', "library.ts");
  expect(await sentence(file('import "./library.ts";'))).toBe(`${library}:3: TypeError: broke`);
  const late = file("const a = 1;\nawait 1;\nnull_.x;");
  expect(await sentence(late)).toStartWith(`${late}:3: ReferenceError: `);
});

test("names the line of an import that can't be had", async () => {
  const path = file('\nimport nothing from "no-such-package";\nnothing();');
  expect(await sentence(path)).toStartWith(`${path}:2: Cannot find package 'no-such-package'`);
  const wrongName = file('\nimport { nothing } from "node:os";\nnothing();');
  expect(await sentence(wrongName)).toBe(
    `${wrongName}:2: SyntaxError: Export named 'nothing' not found in module 'node:os'.`,
  );
});

test("says what was thrown when it was no error", async () => {
  const path = file('throw "text";');
  expect(await sentence(path)).toBe(`${path}: threw "text"`);
});

test("names the default export of jobs.ts that is no set of handlers", async () => {
  const number = file("\nexport default 1;");
  await expect(importHandlers(number)).rejects.toThrow(
    `${number}:2: the default export must be defineJobs({ … })`,
  );
  const noRun = file("export default { send_email: { attempts: 3 } };");
  await expect(importHandlers(noRun)).rejects.toThrow(
    `${noRun}:1: job "send_email" has no run(payload, job) function`,
  );
  const wrongSetting = file("export default { a: { retries: 3, run() {} } };");
  await expect(importHandlers(wrongSetting)).rejects.toThrow(
    /there is no setting "retries": use attempts, timeout/,
  );
});

test("where a file waits while it is loaded", async () => {
  await using folder = await Folder.make({
    "one.ts": "const a = 1;\nexport const db = await connect();\nfunction f() {\n  await g();\n}",
    "two.ts": "await a();\nawait b();",
  });
  expect(loadingPlace(`${folder.path}/one.ts`)).toBe(`${folder.path}/one.ts:2`);
  for (const name of ["two.ts", "none.ts"])
    expect(loadingPlace(`${folder.path}/${name}`)).toBe(`${folder.path}/${name}`);
});
