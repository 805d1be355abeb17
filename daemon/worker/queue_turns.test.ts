import { expect, test } from "bun:test";
import { QueueTurns } from "./queue_turns.ts";

test("each queue comes first by its weight, evenly, and every order has them all", () => {
  const turns = new QueueTurns([
    { name: "a", weight: 5 },
    { name: "b", weight: 1 },
    { name: "c", weight: 1 },
  ]);
  const orders = Array.from({ length: 14 }, () => turns.next());
  expect(orders.map(([first]) => first).join("")).toBe("aabacaaaabacaa");
  for (const order of orders) expect([...order].sort()).toEqual(["a", "b", "c"]);
});
