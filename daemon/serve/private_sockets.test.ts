import { expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Folder } from "../../test/harness/folder.ts";
import { PrivateSockets } from "./private_sockets.ts";

test("what a killed supervisor left is removed, what a living one has stays", async () => {
  await using folder = await Folder.make();
  const gone = Bun.spawn(["true"]);
  await gone.exited;
  const names = [`serve-${gone.pid}-1.sock`, `serve-${process.pid}-1.sock`, "serve-x-1.sock", "trivet.sock"];
  for (const name of names) writeFileSync(join(folder.path, name), "");
  new PrivateSockets(folder.path).moveTo(folder.path);
  expect(readdirSync(folder.path).sort()).toEqual(names.slice(1).sort());
});

test("each child's is known until the child is gone", async () => {
  await using folder = await Folder.make();
  const sockets = new PrivateSockets<{ slot: number }>(folder.path);
  const [a, b, without] = [{ slot: 0 }, { slot: 1 }, { slot: 2 }];
  const [first, second] = [sockets.newPath(), sockets.newPath()];
  expect(first).not.toBe(second);
  writeFileSync(first, "");
  writeFileSync(second, "");
  sockets.add(a, first);
  sockets.add(b, second);
  expect(sockets.of([b, without, a])).toEqual([
    { slot: 1, path: second },
    { slot: 0, path: first },
  ]);
  expect(sockets.remove(a)).toBe(true);
  expect(sockets.remove(a)).toBe(false);
  expect(sockets.of([a, b])).toEqual([{ slot: 1, path: second }]);
  expect(readdirSync(folder.path)).toHaveLength(1);
  sockets.removeAll();
  expect(readdirSync(folder.path)).toEqual([]);
});
