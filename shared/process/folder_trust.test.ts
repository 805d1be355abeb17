import { expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { Folder } from "../../test/harness/folder.ts";
import { folderOfOthers, folderOfUser } from "./folder_trust.ts";

const NOBODY = { uid: 65_534, gid: 65_534 };
const IS_ROOT = process.getuid?.() === 0;

test("a folder that others may change is found, and one above it", async () => {
  await using folder = await Folder.make();
  const top = realpathSync(folder.path);
  const inner = join(top, "inner");
  mkdirSync(inner, { mode: 0o755 });
  symlinkSync(inner, join(top, "link"));
  const own = IS_ROOT ? undefined : inner;
  expect(folderOfOthers(join(top, "link"))).toBe(own);
  expect(folderOfUser(inner, NOBODY)).toBeUndefined();
  expect(folderOfUser(inner, { uid: process.getuid?.() ?? 0, gid: NOBODY.gid })).toBe(inner);
  chmodSync(top, 0o777);
  expect(folderOfOthers(inner)).toBe(own ?? top);
  expect(folderOfUser(inner, NOBODY)).toBe(top);
  // As /tmp is.
  chmodSync(top, 0o1777);
  expect(folderOfUser(inner, NOBODY)).toBeUndefined();
});

// Only root can give a folder away.
if (IS_ROOT) {
  test("its owner and its group may change it", async () => {
    await using folder = await Folder.make();
    const top = realpathSync(folder.path);
    chownSync(top, NOBODY.uid, 0);
    chmodSync(top, 0o1755);
    expect([folderOfOthers(top), folderOfUser(top, NOBODY)]).toEqual([top, top]);
    chownSync(top, 0, NOBODY.gid);
    chmodSync(top, 0o755);
    expect([folderOfOthers(top), folderOfUser(top, NOBODY)]).toEqual([undefined, undefined]);
    chmodSync(top, 0o775);
    expect([folderOfOthers(top), folderOfUser(top, NOBODY)]).toEqual([top, top]);
    chownSync(top, 0, 0);
    expect([folderOfOthers(top), folderOfUser(top, NOBODY)]).toEqual([undefined, undefined]);
  });
}
