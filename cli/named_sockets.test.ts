import { expect, test } from "bun:test";
import { Folder } from "../test/harness/folder.ts";
import { namedSockets } from "./named_sockets.ts";

test("admin sockets with a name, and no sockets of the app's children or of others", async () => {
  const names = [
    "serve-shop.sock",
    "worker-a-1.sock",
    "serve.sock",
    "serve-4711-1.sock",
    "store-9.sock",
    "serve-shop.sock.12",
  ];
  await using folder = await Folder.make(Object.fromEntries(names.map((name) => [name, ""])));
  expect(namedSockets(folder.path).toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([
    { name: "a-1", socket: `${folder.path}/worker-a-1.sock` },
    { name: "shop", socket: `${folder.path}/serve-shop.sock` },
  ]);
  expect(namedSockets(`${folder.path}/none`)).toEqual([]);
});
