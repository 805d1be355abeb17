import { expect, test } from "bun:test";
import fc from "fast-check";
import { Deadlines, type Timed } from "./deadlines.ts";

class Item implements Timed {
  place = 0;
  expired = 0;
  deadlineMs: number;
  readonly #deadlines: Deadlines;
  readonly #remove: boolean;

  constructor(deadlines: Deadlines, deadlineMs: number, remove = true) {
    this.#deadlines = deadlines;
    this.deadlineMs = deadlineMs;
    this.#remove = remove;
    deadlines.add(this);
  }

  expire(): void {
    this.expired++;
    if (this.#remove) this.#deadlines.remove(this);
    else this.deadlineMs = Number.POSITIVE_INFINITY;
  }
}

test("only those that are due expire, once", () => {
  const deadlines = new Deadlines();
  const items = [10, 20, 30, Number.POSITIVE_INFINITY].map((ms) => new Item(deadlines, ms));
  deadlines.tick(20);
  deadlines.tick(20);
  expect(items.map(({ expired }) => expired)).toEqual([1, 1, 0, 0]);
  expect(deadlines.size).toBe(2);
});

test("one that sets another deadline stays", () => {
  const deadlines = new Deadlines();
  const item = new Item(deadlines, 10, false);
  deadlines.tick(10);
  expect([item.expired, deadlines.size]).toEqual([1, 1]);
});

test("whatever comes and goes, the due ones expire and the others stay", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(100), fc.boolean())), fc.nat(100), (plan, nowMs) => {
      const deadlines = new Deadlines();
      const items = plan.map(([ms]) => new Item(deadlines, ms));
      const gone = items.filter((_, i) => plan[i]?.[1]);
      for (const item of gone) deadlines.remove(item);
      deadlines.tick(nowMs);
      const left = items.filter((item) => !gone.includes(item));
      expect(left.map(({ expired }) => expired)).toEqual(
        left.map(({ deadlineMs }) => (deadlineMs <= nowMs ? 1 : 0)),
      );
      expect(gone.every(({ expired }) => expired === 0)).toBe(true);
      expect(deadlines.size).toBe(left.filter(({ deadlineMs }) => deadlineMs > nowMs).length);
    }),
  );
});

test("the clock ticks by itself until it is stopped", async () => {
  const deadlines = new Deadlines();
  const { promise, resolve } = Promise.withResolvers<void>();
  const item: Timed = {
    place: 0,
    deadlineMs: performance.now() + 30,
    expire() {
      deadlines.remove(item);
      resolve();
    },
  };
  deadlines.add(item);
  deadlines.start(80);
  await promise;
  expect(performance.now()).toBeGreaterThanOrEqual(item.deadlineMs);
  deadlines.stop();
});
