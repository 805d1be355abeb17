import { expect, test } from "bun:test";
import { ServerHealth } from "./server_health.ts";
import { recollection, remember } from "./server_memory.ts";
import { noOrders } from "./server_orders.ts";

function overTheBorder(known: Parameters<typeof remember>[0]) {
  return JSON.parse(JSON.stringify({ servers: { app: { "a:1": remember(known) } } }));
}

test("state and orders are as they were", () => {
  const health = new ServerHealth();
  health.eject(1000);
  const orders = { ...noOrders(), state: "draining" as const, weight: 7, weightInFile: 2, sinceMs: 3 };
  const known = recollection(overTheBorder({ health, orders }))("app", "a:1");
  expect(known?.health).toMatchObject({ state: "down", ejected: true, recovered: false, sinceMs: 1000 });
  expect(known?.orders).toEqual(orders);
});

test("it comes back by checks as one that never moved does", () => {
  const health = new ServerHealth();
  health.judge({ passed: false, said: "503", tookMs: 1, atMs: 5 }, { rise: 1, fall: 1 });
  const known = recollection(overTheBorder({ health, orders: noOrders() }))("app", "a:1");
  expect(known?.health.judge({ passed: true, said: "200", tookMs: 1, atMs: 9 }, { rise: 1, fall: 1 })).toBe(
    true,
  );
  expect(known?.health.state).toBe("up");
});

test.each([
  undefined,
  null,
  7,
  {},
  { servers: 3 },
  { servers: { app: { "a:1": { health: { state: "?" } } } } },
])("nothing is known from %j", (memory) => {
  expect(recollection(memory)("app", "a:1")).toBeUndefined();
});

test("another server is new", () => {
  const memory = overTheBorder({ health: new ServerHealth(), orders: noOrders() });
  expect(recollection(memory)("app", "b:1")).toBeUndefined();
  expect(recollection(memory)("api", "a:1")).toBeUndefined();
});
