import { expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { Folder } from "../../test/harness/folder.ts";
import { asCalled, folderForChildren } from "./start_folder.ts";

test("PWD is believed when it is the same folder", async () => {
  await using folder = await Folder.make({ "r1/.keep": "", "r2/.keep": "" });
  const release = join(folder.path, "r1");
  const link = join(folder.path, "current");
  symlinkSync("r1", link);
  expect(asCalled(link, release)).toBe(link);
  for (const other of [undefined, "", "current", join(folder.path, "r2"), "/no/such", `${link}/../r1`])
    expect(asCalled(other, release)).toBe(release);
});

test("children inherit the folder, unless another stands at its path by now, or none", async () => {
  expect(folderForChildren()).toEqual({});
  await using folder = await Folder.make({ "a/b/.keep": "", "a/c/d/.keep": "" });
  expect(folderForChildren(join(folder.path, "a/b"))).toEqual({ cwd: join(folder.path, "a/b") });
  expect(folderForChildren(join(folder.path, "a/x/y"))).toEqual({ cwd: join(folder.path, "a") });
});
