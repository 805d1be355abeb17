import { expect, test } from "bun:test";
import { Counter } from "../shared/metrics.ts";
import { Backend } from "./backend.ts";
import { Server } from "./server.ts";

function backend(addresses: readonly string[], offset = 0): Backend {
  const counters = () => ({
    requests: new Counter(),
    failures: new Counter(),
    connections: new Counter(),
    reuses: new Counter(),
  });
  const made = new Backend("a", (address) => new Server(address, counters()), offset);
  made.setMembers(addresses);
  return made;
}

const picks = (from: Backend, count: number) =>
  Array.from({ length: count }, () => from.pick(null)?.address.at(-1)).join("");

test("servers take turns, from the offset on", () => {
  expect(picks(backend(["h:1", "h:2", "h:3"]), 7)).toBe("1231231");
  expect(picks(backend(["h:1", "h:2", "h:3"], 2), 4)).toBe("3123");
});

test("a server that is down is passed over, and is back in turn when it is up", () => {
  const servers = backend(["h:1", "h:2", "h:3"]);
  servers.setState("h:2", "down");
  expect(new Set(picks(servers, 6))).toEqual(new Set("13"));
  servers.setState("h:2", "up");
  expect(new Set(picks(servers, 6))).toEqual(new Set("123"));
  for (const address of ["h:1", "h:2", "h:3"]) servers.setState(address, "down");
  expect(servers.pick(null)).toBeUndefined();
});

test("a further attempt goes to another server when there is one", () => {
  const servers = backend(["h:1", "h:2"]);
  for (let i = 0; i < 10; i++) {
    const first = servers.pick(null) ?? null;
    expect(servers.pick(first)).not.toBe(first ?? undefined);
  }
  const one = backend(["h:1"]);
  expect(one.pick(one.pick(null) ?? null)?.address).toBe("h:1");
});

test("members that stay keep their state and are the same, others come and go", () => {
  const servers = backend(["h:1", "h:2"]);
  servers.setState("h:2", "down");
  const [, second] = servers.servers;
  servers.setMembers(["h:2", "h:3"]);
  expect(servers.servers[0]).toBe(second);
  expect(servers.usable.map(({ address }) => address)).toEqual(["h:3"]);
});
