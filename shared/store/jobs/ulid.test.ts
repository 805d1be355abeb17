import { expect, test } from "bun:test";
import { ulid } from "./ulid.ts";

test("has 26 characters of Crockford's alphabet and begins with the time", () => {
  // The example of the specification: 1469918176385 is 01ARYZ6S41.
  const later = Date.now() + 10_000;
  const id = ulid(later);
  expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  expect(parseInt32(id.slice(0, 10))).toBe(later);
});

test("sorts in the order of making, also within a millisecond and when the clock goes back", () => {
  const now = Date.now() + 20_000;
  const ids = [ulid(now), ulid(now), ulid(now - 5), ulid(now + 1), ulid(now)];
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

function parseInt32(text: string): number {
  return [...text].reduce((sum, c) => sum * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".indexOf(c), 0);
}
