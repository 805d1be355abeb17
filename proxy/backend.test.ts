import { expect, test } from "bun:test";
import { Counter, Gauge } from "../shared/metrics.ts";
import { Backend } from "./backend.ts";
import type { MemberState } from "./plan.ts";
import { Server, type ServerState } from "./server.ts";

function backend(members: readonly MemberState[], offset = 0): Backend {
  const counters = () => ({
    requests: new Counter(),
    failures: new Counter(),
    connections: new Counter(),
    reuses: new Counter(),
    inFlight: new Gauge(),
    errors: { note: () => undefined },
    answered: () => undefined,
  });
  const made = new Backend("a", ({ address }) => new Server(address, counters()), offset);
  made.setMembers(members);
  return made;
}

/** "h:1", "h:2", … in these states. */
const members = (...states: readonly ServerState[]): MemberState[] =>
  states.map((state, i) => ({
    address: `h:${i + 1}`,
    state,
    weight: 1,
    connectionsMax: 0,
    recoveredAtMs: 0,
  }));

const picks = (from: Backend, count: number) =>
  Array.from({ length: count }, () => from.pick(0, null)?.address.at(-1)).join("");

test("servers take turns, from the offset on", () => {
  expect(picks(backend(members("up", "up", "up")), 7)).toBe("1231231");
  expect(picks(backend(members("up", "up", "up"), 2), 4)).toBe("3123");
});

test("a server that is down is passed over, and is back in turn when it is up", () => {
  const servers = backend(members("up", "up", "up"));
  servers.setMembers(members("up", "down", "up"));
  expect(new Set(picks(servers, 6))).toEqual(new Set("13"));
  servers.setMembers(members("up", "up", "up"));
  expect(new Set(picks(servers, 6))).toEqual(new Set("123"));
  servers.setMembers(members("down", "down", "down"));
  expect(servers.pick(0, null)).toBeUndefined();
});

test("members that stay keep their connections and are the same, others come and go", () => {
  const servers = backend(members("up", "down"));
  const [, second] = servers.servers;
  servers.setMembers(members("up", "down", "up").slice(1));
  expect(servers.servers[0]).toBe(second);
  expect(servers.usable.map(({ address }) => address)).toEqual(["h:3"]);
});

test("another balance from now on", () => {
  const servers = backend(members("up", "up"));
  const plan = {
    name: "a",
    retries: 1,
    slowStartMs: 0,
    passiveErrors: 0,
    timeouts: {},
    members: members("up", "up"),
  };
  servers.adopt({ ...plan, balance: "hash:ip" }, 1);
  expect(servers.clientKey).not.toBeNull();
  expect(new Set(Array.from({ length: 9 }, () => servers.pick(7, null))).size).toBe(1);
  servers.adopt({ ...plan, balance: "round_robin" }, 1);
  expect(servers.clientKey).toBeNull();
  expect(servers.retries).toBe(1);
});
