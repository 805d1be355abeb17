import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { Folder } from "../../test/harness/folder.ts";
import { makeRunDir, runDirCandidates } from "./run_dir.ts";

test("a mode takes the folder of its own where there is one, else the common one", async () => {
  await using folder = await Folder.make();
  const wanted = `${folder.path}/run`;
  expect(makeRunDir(wanted, "proxy", folder.path)).toBe(wanted);
  mkdirSync(`${wanted}/proxy`);
  expect(makeRunDir(wanted, "proxy", folder.path)).toBe(`${wanted}/proxy`);
  expect(makeRunDir(wanted, "serve", folder.path)).toBe(wanted);
  expect(runDirCandidates(wanted, "proxy", folder.path)).toEqual([
    `${wanted}/proxy`,
    wanted,
    `${folder.path}/.trivet`,
  ]);
});

test("where neither can be made, ./.trivet is", async () => {
  await using folder = await Folder.make({ file: "" });
  const { path } = folder;
  expect(makeRunDir(`${path}/file/run`, "proxy", path)).toBe(`${path}/.trivet`);
});
