import { expect, test } from "bun:test";
import { isServerFault, mayEject } from "./passive.ts";

test("answers that are a server's fault", () => {
  expect([200, 304, 404, 429, 499, 501, 505].filter(isServerFault)).toEqual([]);
  expect([500, 502, 503, 504, 599].filter(isServerFault)).toEqual([500, 502, 503, 504, 599]);
});

test.each([
  [1, 0, 1, false],
  [2, 0, 2, true],
  [2, 0, 1, false],
  [2, 1, 1, false],
  [3, 0, 3, true],
  [3, 1, 2, false],
  [4, 1, 3, true],
  [4, 2, 2, false],
])("of %p servers, %p taken out, %p usable: %p", (servers, ejected, usable, may) => {
  expect(mayEject({ servers, ejected, usable })).toBe(may);
});
