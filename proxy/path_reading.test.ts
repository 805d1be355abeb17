import { expect, test } from "bun:test";
import { readPath, settle } from "./path_reading.ts";
import type { Route } from "./router.ts";

test.each([
  ["/a//b?x=/../", { path: "/a/b", normal: "/a//b", target: null }],
  ["/a%2fb", { path: "/a%2Fb", normal: "/a%2fb", target: null }],
  ["/a/../%62?%62=\\&%zz", { path: "/b", normal: "/b", target: null }],
  ["/.//a%5c", { path: "/a%5C", normal: "//a%5c", target: null }],
])("%s", (target, expected) => {
  expect(readPath(target)).toEqual(expected);
});

test("what servers do not agree on is not read", () => {
  for (const target of ["/a\\b?x", "/%00", "/%zz?x"])
    expect([target, readPath(target)]).toEqual([target, null]);
});

const [inner, outer] = [{ pathPrefix: "/in" } as Route, { pathPrefix: "/" } as Route];
const find = (path: string) => (/^\/in(?:\/|$)/.test(path) ? inner : outer);

test.each([
  ["/a//b?c//d", true, undefined],
  ["/in//b", true, undefined],
  ["//in//b?c//d", true, "/in/b?c//d"],
  ["/./%2e//%69n?", true, "/in?"],
  ["/a/../%62?%62=\\&%zz", true, "/b?%62=\\&%zz"],
  ["/a/..?", true, "/?"],
  ["/.//a%5c", true, "/a%5c"],
  ["//a//in?b", true, "/a//in?b"],
  ["/a/..//b/in", true, "/b/in"],
  ["/a%2fb", true, undefined],
  ["/in/a%2fb", true, undefined],
  ["/in%2fb", false, undefined],
  ["/%5Cin", false, undefined],
  ["/a%2f..%2fb", true, undefined],
  ["/in/a%2f..%2fb", true, undefined],
  // One server is in another route by resolving the dots, the other by leaving them.
  ["/a%2f..%2fin", false, undefined],
  ["/in%2f..%2fa", false, undefined],
  ["/%2fin", false, undefined],
])("every server is in the route of %s: %p, when it is asked for %p", (target, settled, sent) => {
  const reading = readPath(target);
  if (!reading) throw new Error("not read");
  expect(settle(reading, target, find(reading.path), find)).toBe(settled);
  if (settled) expect(reading.target?.toString()).toBe(sent as string);
});
