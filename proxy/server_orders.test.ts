import { expect, test } from "bun:test";
import { noOrders, note, readOrder, stateOf, unknownName, weightOf } from "./server_orders.ts";

const to = { backend: "a", server: "h:1" };

test("drain and maint win over checks until ready", () => {
  const orders = noOrders();
  expect(stateOf(orders, "up")).toBe("up");
  note(orders, { verb: "drain", ...to }, 1, 5);
  expect(stateOf(orders, "up")).toBe("draining");
  expect(orders.sinceMs).toBe(5);
  note(orders, { verb: "maint", ...to }, 1, 6);
  expect(stateOf(orders, "down")).toBe("maint");
  note(orders, { verb: "ready", ...to }, 1, 7);
  expect(stateOf(orders, "down")).toBe("down");
});

test("an ordered weight holds until the file has another one", () => {
  const orders = noOrders();
  expect(weightOf(orders, 3)).toBe(3);
  note(orders, { verb: "weight", ...to, weight: 7 }, 3, 5);
  expect(weightOf(orders, 3)).toBe(7);
  expect(weightOf(orders, 4)).toBe(4);
});

test.each([
  [{}],
  [{ verb: "kill", ...to }],
  [{ verb: "drain", backend: "a" }],
  [{ verb: "weight", ...to }],
  [{ verb: "weight", ...to, weight: 0 }],
  [{ verb: "weight", ...to, weight: 257 }],
  [{ verb: "weight", ...to, weight: "2" }],
])("%p is no order", (order) => {
  expect(() => readOrder(order)).toThrow();
});

test("an unknown name is told with the nearest one, or with all", () => {
  expect(unknownName("backend", "appp", ["app", "api"]).message).toBe(
    "there is no backend appp: did you mean app?",
  );
  expect(unknownName("server", "x", ["10.0.0.1:80", "10.0.0.2:80"]).message).toBe(
    "there is no server x: there are 10.0.0.1:80, 10.0.0.2:80",
  );
});
