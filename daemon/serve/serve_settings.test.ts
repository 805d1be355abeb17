import { expect, test } from "bun:test";
import { availableParallelism } from "node:os";
import { deadlinesOf, slotsOf } from "./serve_settings.ts";

test("as many processes as said, as processors, or one while code is watched", () => {
  expect(slotsOf({ workers: 3, watch: false })).toBe(3);
  expect(slotsOf({ workers: "auto", watch: false })).toBe(availableParallelism());
  expect(slotsOf({ workers: 3, watch: true })).toBe(1);
});

test("while code is watched, nothing old is waited for long", () => {
  const said = { boot_timeout: 60_000, drain_timeout: 30_000 };
  expect(deadlinesOf({ ...said, watch: false })).toEqual({ bootMs: 60_000, drainMs: 30_000 });
  expect(deadlinesOf({ ...said, watch: true })).toEqual({ bootMs: 10_000, drainMs: 1_000 });
  const short = { boot_timeout: 5_000, drain_timeout: 500 };
  expect(deadlinesOf({ ...short, watch: true })).toEqual({ bootMs: 5_000, drainMs: 500 });
});
