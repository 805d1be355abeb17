import { expect, test } from "bun:test";
import { readPath, settle } from "./path_reading.ts";
import type { Route } from "./router.ts";

test.each([
  ["/a//b?x=/../", { path: "/a/b", slashed: "/a/b", spread: "/a//b", target: null }],
  ["/a%2fb", { path: "/a%2Fb", slashed: "/a/b", spread: "/a%2Fb", target: null }],
  ["/a/../%62?%62=\\&%zz", { path: "/b", slashed: "/b", spread: "/b", target: "/b?%62=\\&%zz" }],
  ["/a/..?", { path: "/", slashed: "/", spread: "/", target: "/?" }],
  ["/.//a%5c", { path: "/a%5C", slashed: "/a/", spread: "//a%5C", target: "//a%5c" }],
])("%s", (target, expected) => {
  const { target: sent = null, ...paths } = readPath(target) ?? {};
  expect({ ...paths, target: sent?.toString() ?? null }).toEqual(expected);
});

test("what servers do not agree on is not read", () => {
  for (const target of ["/a\\b?x", "/%00", "/%zz?x", "/x%2f../a"])
    expect([target, readPath(target)]).toEqual([target, null]);
});

const [inner, outer] = [{ pathPrefix: "/in" } as Route, { pathPrefix: "/" } as Route];
const find = (path: string) => (/^\/in(?:\/|$)/.test(path) ? inner : outer);

test.each([
  ["/a//b?c//d", true, undefined],
  ["/in//b", true, undefined],
  ["//in//b?c//d", true, "/in/b?c//d"],
  ["/./%2e//%69n?", true, "/in?"],
  ["/a%2fb", true, undefined],
  ["/in/a%2fb", true, undefined],
  ["/in%2fb", false, undefined],
  ["/%5Cin", false, undefined],
])("every server is in the route of %s: %p, when it is asked for %p", (target, settled, sent) => {
  const reading = readPath(target);
  if (!reading) throw new Error("not read");
  expect(settle(reading, target, find(reading.path), find)).toBe(settled);
  if (settled) expect(reading.target?.toString()).toBe(sent as string);
});
