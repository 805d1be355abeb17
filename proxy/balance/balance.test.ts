import { describe, expect, test } from "bun:test";
import { Counter, Gauge } from "../../shared/metrics.ts";
import { Server } from "../server.ts";
import { type Balance, balanceOf } from "./balance.ts";
import { cookieIn } from "./client_key.ts";
import { mix } from "./hash_of.ts";
import { smoothSchedule } from "./schedule.ts";

const counters = () => ({
  requests: new Counter(),
  failures: new Counter(),
  connections: new Counter(),
  reuses: new Counter(),
  inFlight: new Gauge(),
  errors: { note: () => undefined },
  answered: () => undefined,
});

function servers(...weights: readonly number[]): Server[] {
  return weights.map((weight, i) => {
    const server = new Server(`10.0.0.${i + 1}:80`, counters());
    server.weight = weight;
    return server;
  });
}

function made(name: string, members: readonly Server[], offset = 0): Balance {
  const balance = balanceOf(name, offset);
  balance.assign(members);
  return balance;
}

const keys = (count: number) => Array.from({ length: count }, (_, i) => mix(i + 1) || 1);

/** Picks `count` times, and holds each request for as long as `held` others are begun. */
function shares(balance: Balance, members: readonly Server[], count: number, held: number): number[] {
  const counts = new Map(members.map((server) => [server, 0]));
  const inHand: Server[] = [];
  for (const key of keys(count)) {
    const server = balance.pick(key, null);
    if (!server) throw new Error("no server had room");
    counts.set(server, (counts.get(server) ?? 0) + 1);
    server.active++;
    balance.moved?.(server);
    inHand.push(server);
    const done = inHand.length > held ? inHand.shift() : undefined;
    if (!done) continue;
    done.active--;
    balance.moved?.(done);
  }
  return members.map((server) => (counts.get(server) ?? 0) / count);
}

describe.each([
  ["round_robin"],
  ["least_connections"],
  ["random_two"],
  ["hash:ip"],
  ["hash:header:X-User"],
  ["hash:cookie:user"],
])("%s", (name) => {
  test("nobody to pick from", () => {
    expect(made(name, []).pick(1, null)).toBeUndefined();
  });

  test("one server gets all, even after a failed attempt", () => {
    const [only] = servers(1);
    const balance = made(name, only ? [only] : []);
    for (const key of [0, ...keys(20)]) expect(balance.pick(key, null)).toBe(only);
    expect(balance.pick(7, only ?? null)).toBe(only);
  });

  test("equal weights get equal shares", () => {
    const members = servers(1, 1, 1, 1);
    for (const share of shares(made(name, members), members, 20_000, 40)) expect(share).toBeCloseTo(0.25, 1);
  });

  test("shares follow the weights under load", () => {
    const members = servers(3, 2, 1);
    const [a = 0, b = 0, c = 0] = shares(made(name, members), members, 20_000, 120);
    expect(a).toBeCloseTo(3 / 6, 1);
    expect(b).toBeCloseTo(2 / 6, 1);
    expect(c).toBeCloseTo(1 / 6, 1);
  });

  test("never the server to avoid while another has room", () => {
    const members = servers(8, 1, 1);
    const balance = made(name, members);
    for (const key of [0, ...keys(200)]) {
      const first = balance.pick(key, null) ?? null;
      expect(balance.pick(key, first)).not.toBe(first ?? undefined);
    }
  });

  test("never a full server; the one to avoid when it alone has room; nobody when all are full", () => {
    const [a, b, c] = servers(2, 1, 1);
    if (!a || !b || !c) throw new Error("three servers");
    const balance = made(name, [a, b, c]);
    for (const server of [a, b]) {
      server.active = server.connectionsMax = 2;
      balance.moved?.(server);
    }
    for (const key of [0, ...keys(100)]) {
      expect(balance.pick(key, null)).toBe(c);
      expect(balance.pick(key, c)).toBe(c);
    }
    c.connectionsMax = 0;
    balance.moved?.(c);
    expect(balance.pick(7, null)).toBeUndefined();
    a.active = 1;
    balance.moved?.(a);
    expect(balance.pick(7, null)).toBe(a);
  });

  test("members come and go", () => {
    const members = servers(1, 2, 1);
    const balance = made(name, members);
    for (const key of keys(50)) balance.pick(key, null);
    balance.assign(members.slice(1));
    for (const key of [0, ...keys(100)]) expect(balance.pick(key, null)).not.toBe(members[0]);
    balance.assign(members);
    const [share = 0] = shares(balance, members, 4000, 20);
    expect(share).toBeCloseTo(0.25, 1);
  });
});

test("smooth: the heavy one does not get its turns in a row", () => {
  expect(smoothSchedule([5, 1, 1]).join("")).toBe("0010200");
  expect(smoothSchedule([1, 1, 1]).join("")).toBe("012");
  expect(smoothSchedule([200, 100]).join("")).toBe("010");
  expect(smoothSchedule([])).toEqual([]);
});

test("a schedule stays short, and nobody is left out of it", () => {
  const turns = smoothSchedule([256, 255, 0.01, ...Array.from({ length: 200 }, () => 7)]);
  expect(turns.length).toBeLessThan(1500);
  expect(new Set(turns).size).toBe(203);
});

test("fewest in hand is next, for its weight; equals take turns", () => {
  const [a, b, c] = servers(1, 1, 2);
  if (!a || !b || !c) throw new Error("three servers");
  const balance = made("least_connections", [a, b]);
  a.active = 1;
  balance.moved?.(a);
  expect([1, 2, 3].map(() => balance.pick(0, null))).toEqual([b, b, b]);
  a.active = 0;
  balance.moved?.(a);
  expect(new Set([1, 2].map(() => balance.pick(0, null)))).toEqual(new Set([a, b]));
  balance.assign([a, c]);
  c.active = 1;
  balance.moved?.(c);
  expect(new Set([1, 2].map(() => balance.pick(0, null)))).toEqual(new Set([a, c]));
});

describe("hash", () => {
  test("the same client meets the same server, in every process", () => {
    const [one, two] = [made("hash:ip", servers(1, 2, 3), 0), made("hash:ip", servers(1, 2, 3), 1)];
    for (const key of keys(500)) {
      const server = one.pick(key, null);
      expect(one.pick(key, null)).toBe(server);
      expect(two.pick(key, null)?.address).toBe(server?.address);
    }
  });

  test.each([[[1, 1, 1, 1, 1]], [[1, 2, 3, 4, 5]]])(
    "weights %p: only the share of the leaving one moves",
    (weights) => {
      const members = servers(...weights);
      const balance = made("hash:ip", members);
      const before = keys(5000).map((key) => balance.pick(key, null));
      const gone = members[2];
      balance.assign(members.filter((server) => server !== gone));
      keys(5000).forEach((key, i) => {
        if (before[i] !== gone) expect(balance.pick(key, null)).toBe(before[i]);
      });
      balance.assign(members);
      expect(keys(5000).map((key) => balance.pick(key, null))).toEqual(before);
    },
  );

  test("who does not say who he is goes round robin", () => {
    const members = servers(1, 1, 1);
    const balance = made("hash:header:X-User", members);
    expect([1, 2, 3, 4].map(() => members.indexOf(balance.pick(0, null) ?? members[0]!))).toEqual([
      0, 1, 2, 0,
    ]);
  });
});

test.each([
  ["a=1; user=x; b=2", "x"],
  ["user=x=y", "x=y"],
  ["User=x", undefined],
  ["user", undefined],
  ["xuser=1;user=2", "2"],
])("the cookie user in %p is %p", (field, value) => {
  expect(cookieIn(field, "user")).toBe(value);
});
