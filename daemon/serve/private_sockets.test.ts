import { expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { closeSockets } from "../../shared/process/listen_socket.ts";
import { Folder } from "../../test/harness/folder.ts";
import { PrivateSockets } from "./private_sockets.ts";

test("what a killed supervisor left is removed, what a living one has stays", async () => {
  await using folder = await Folder.make();
  const gone = Bun.spawn(["true"]);
  await gone.exited;
  const names = [`serve-${gone.pid}-1.sock`, `serve-${process.pid}-1.sock`, "serve-x-1.sock", "trivet.sock"];
  for (const name of names) writeFileSync(join(folder.path, name), "");
  new PrivateSockets(folder.path).tidy();
  expect(readdirSync(folder.path).sort()).toEqual(names.slice(1).sort());
});

test("each child has its own, which is there until the child is gone", async () => {
  await using folder = await Folder.make();
  const sockets = new PrivateSockets(folder.path);
  const [a, b] = [0, 1].map((slot) => ({ slot, boot: { socket: sockets.newPath() } }));
  if (!a || !b) throw new Error("there are two");
  expect(a.boot.socket).not.toBe(b.boot.socket);
  const fds = [a, b].map(({ boot }) => sockets.open(boot.socket, undefined));
  expect(sockets.of([b, a])).toEqual([
    { slot: 1, path: b.boot.socket },
    { slot: 0, path: a.boot.socket },
  ]);
  sockets.remove(a.boot.socket);
  sockets.remove(a.boot.socket);
  expect(readdirSync(folder.path)).toEqual([basename(b.boot.socket)]);
  sockets.removeAll();
  expect(readdirSync(folder.path)).toEqual([]);
  closeSockets(fds);
});
