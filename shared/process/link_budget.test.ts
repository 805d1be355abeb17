import { expect, test } from "bun:test";
import { LinkBudget } from "./link_budget.ts";

test("so many messages at once, then so many a second", () => {
  const budget = new LinkBudget({ messagesPerS: 10, bytesPerS: 1_000_000, burstS: 2 }, 0);
  for (let i = 0; i < 20; i++) {
    expect(budget.waitMs(0)).toBe(0);
    budget.take(1);
  }
  expect(budget.waitMs(0)).toBe(100);
  expect(budget.waitMs(50)).toBe(50);
  expect(budget.waitMs(101)).toBe(0);
  // It never saves up more than the burst.
  expect(budget.waitMs(1_000_000)).toBe(0);
  for (let i = 0; i < 20; i++) budget.take(1);
  expect(budget.waitMs(1_000_000)).toBe(100);
});

test("a message that is more than there is makes the next one wait", () => {
  const budget = new LinkBudget({ messagesPerS: 1000, bytesPerS: 100, burstS: 1 }, 0);
  budget.take(1000);
  expect(budget.waitMs(0)).toBe(9010);
  expect(budget.waitMs(9010)).toBe(0);
});
