import { expect, test } from "bun:test";
import { Gauge, Histogram } from "../shared/metrics.ts";
import { Exchange } from "./exchange_state.ts";
import { Queue } from "./queue.ts";

test("first come, first served; who leaves is forgotten", () => {
  const length = new Gauge();
  const seconds = new Histogram([1]);
  const queue = new Queue(length, seconds);
  const [a, b, c] = [new Exchange(), new Exchange(), new Exchange()];
  for (const exchange of [a, b, c]) expect(queue.add(exchange)).toBe(true);
  expect(queue.length).toBe(3);
  queue.remove(b);
  queue.remove(b);
  expect(queue.first()).toBe(a);
  queue.remove(a);
  expect(queue.first()).toBe(c);
  queue.remove(c);
  expect(queue.first()).toBeUndefined();
  expect(length.value).toBe(0);
  expect([...seconds.counts]).toEqual([3, 0]);
});

test("no more than 10,000 wait", () => {
  const queue = new Queue();
  const one = new Exchange();
  queue.add(one);
  for (let i = 1; i < 10_000; i++) queue.add(Object.create(one) as Exchange);
  expect(queue.add(new Exchange())).toBe(false);
  queue.remove(one);
  expect(queue.add(new Exchange())).toBe(true);
});
