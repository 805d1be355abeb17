import { expect, test } from "bun:test";
import { residentBytes } from "./resident_memory.ts";

test("bytes of a living process; 0 of none", () => {
  const own = residentBytes(process.pid);
  expect(own).toBeGreaterThan(1024 * 1024);
  expect(Math.abs(own - process.memoryUsage.rss())).toBeLessThan(own / 2);
  expect(residentBytes(2 ** 30)).toBe(0);
});
