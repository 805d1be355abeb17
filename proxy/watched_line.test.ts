import { expect, test } from "bun:test";
import { durationText, sizeText } from "./watched_line.ts";

test.each([
  [0.04, "0.0ms"],
  [9.94, "9.9ms"],
  [31.7, "31ms"],
  [999.9, "999ms"],
  [2500, "2.50s"],
])("%d ms are %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test.each([
  [0, "0B"],
  [1023, "1023B"],
  [5120, "5.0KiB"],
  [3 * 1024 ** 2, "3.0MiB"],
])("%d bytes are %s", (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});
