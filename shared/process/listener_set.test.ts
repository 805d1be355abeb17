import { expect, test } from "bun:test";
import { addressOfListener, ListenerSet, listenerNames } from "./listener_set.ts";

const FREE = "127.0.0.1:0";

test("each of several listeners on port 0 has a port of its own, and goes by itself", () => {
  const names = listenerNames([FREE, "[::1]:0", FREE, FREE]);
  expect(names.map(addressOfListener)).toEqual([FREE, "[::1]:0", FREE, FREE]);
  expect(new Set(names).size).toBe(4);
  const listeners = new ListenerSet("proxy", 2, undefined);
  try {
    const [first = "", second = ""] = listenerNames([FREE, FREE]);
    expect(listeners.add([first])).toEqual([first]);
    expect(listeners.add([first, second])).toEqual([second]);
    expect(new Set(listeners.bound.map(({ port }) => port)).size).toBe(2);
    expect(listeners.socketsOf(1, [second]).map(({ port }) => port)).toEqual([listeners.bound[1]?.port ?? 0]);
    listeners.keepOnly([first]);
    expect(listeners.addresses).toEqual([first]);
  } finally {
    listeners.keepOnly([]);
  }
});
