import { expect, test } from "bun:test";
import { checkDisk, roomFor } from "./disk.ts";

const GIB = 1024 ** 3;
const EXT4 = 0xef53;
const ROOM = { freeBytes: 10 * GIB, inodesFree: 1e6, inodes: 2e6, kind: EXT4 };

test.each([
  [{}, "ok"],
  [{ freeBytes: GIB / 2 }, "advice"],
  [{ freeBytes: GIB / 20 }, "broken"],
  [{ inodesFree: 10 }, "broken"],
  // btrfs counts none.
  [{ inodesFree: 0, inodes: 0 }, "ok"],
])("%j: %s", (change, verdict) => {
  expect(checkDisk("/var/a.log", { ...ROOM, ...change }, false)).toMatchObject([{ verdict }]);
});

test("SQLite's file may not be on a network, and should not be in memory", () => {
  const verdicts = (kind: number) =>
    checkDisk("/a.db", { ...ROOM, kind }, true).map(({ verdict }) => verdict);
  expect(verdicts(EXT4)).toEqual(["ok"]);
  expect(verdicts(0x6969)).toEqual(["ok", "broken"]);
  expect(verdicts(0x01021994)).toEqual(["ok", "advice"]);
});

test("a folder that is not there", async () => {
  expect(checkDisk("/nowhere/a.db", await roomFor("/nowhere/a.db"), true)).toMatchObject([
    { verdict: "broken", change: "mkdir -p /nowhere" },
  ]);
  expect((await roomFor("/tmp/a.db"))?.freeBytes).toBeGreaterThan(0);
});
