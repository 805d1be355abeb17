import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Begins, roomOf, withBegin, withoutBegin } from "./rate_window.ts";

const RATE = { jobs: 5, perMs: 1000 };
const T0 = 1_700_000_000_000;

/** Begins as many as may at each moment; when they did. */
function beganAt(rate: typeof RATE, moments: readonly number[]): number[] {
  let begins: Begins = [];
  return moments.filter((nowMs) => {
    if (roomOf(rate, begins, nowMs).free === 0) return false;
    begins = withBegin(begins, rate.perMs, nowMs);
    return true;
  });
}

describe("the window of a rate", () => {
  test("so many begin at once, the next when the first has left it", () => {
    const moments = Array.from({ length: 300 }, (_, i) => T0 + i * 10);
    const began = beganAt(RATE, moments);
    expect(began.slice(0, 5)).toEqual(moments.slice(0, 5));
    expect(began[5]).toBeWithin(T0 + 1000, T0 + 1030);
    let begins: Begins = [];
    for (let i = 0; i < 5; i++) begins = withBegin(begins, RATE.perMs, T0);
    expect(roomOf(RATE, begins, T0).waitMs).toBeWithin(1000, 1017);
    expect(roomOf(RATE, withoutBegin(begins), T0).free).toBe(1);
  });

  test("no stretch of it ever has more, and what is kept stays small", () => {
    const rate = fc.record({
      jobs: fc.integer({ min: 1, max: 20 }),
      perMs: fc.integer({ min: 1, max: 5000 }),
    });
    fc.assert(
      fc.property(rate, fc.array(fc.nat(300), { maxLength: 300 }), (one, steps) => {
        let nowMs = T0;
        const began = beganAt(
          one,
          steps.map((step) => (nowMs += step)),
        );
        for (const [i, first] of began.entries()) {
          const next = began[i + one.jobs];
          if (next !== undefined && next - first < one.perMs) return false;
        }
        return true;
      }),
    );
    let begins: Begins = [];
    for (let i = 0; i < 20_000; i++) begins = withBegin(begins, 1000, T0 + i);
    expect(begins.length).toBeLessThanOrEqual(68);
  });

  test("a clock that is set back waits for nothing that lies ahead", () => {
    let begins: Begins = [];
    for (let i = 0; i < 5; i++) begins = withBegin(begins, RATE.perMs, T0 + 3_600_000);
    expect(roomOf(RATE, begins, T0).free).toBe(5);
  });
});
