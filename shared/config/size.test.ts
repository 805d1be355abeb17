import { expect, test } from "bun:test";
import { parseSize } from "./size.ts";

test.each([
  ["0", 0],
  ["512", 512],
  ["512B", 512],
  ["16KiB", 16_384],
  ["10MiB", 10_485_760],
  ["2GiB", 2_147_483_648],
])("%s is %d bytes", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each(["", "KiB", "16 KiB", "16K", "16KB", "-1", "1.5MiB"])("%p is no size", (text) => {
  expect(() => parseSize(text)).toThrow(RangeError);
});
