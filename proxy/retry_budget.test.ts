import { expect, test } from "bun:test";
import { RetryBudget } from "./retry_budget.ts";

const taken = (budget: RetryBudget) => {
  let count = 0;
  while (budget.take()) count++;
  return count;
};

test("a hundred at least, then a fifth of the requests", () => {
  const budget = new RetryBudget();
  expect(taken(budget)).toBe(100);
  budget.requests = 1000;
  expect(taken(budget)).toBe(100);
});

test("what was more than 10 s ago does not count", () => {
  const budget = new RetryBudget();
  budget.requests = 1000;
  expect(taken(budget)).toBe(200);
  for (let second = 0; second < 9; second++) budget.tick();
  expect(taken(budget)).toBe(0);
  budget.tick();
  expect(taken(budget)).toBe(100);
});
