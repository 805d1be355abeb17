import { expect, test } from "bun:test";
import { comparedPath, comparedPrefix, mergedPath, normalPath, slashedPaths } from "./normal_path.ts";

test.each([
  ["/", "/"],
  ["/a/b", "/a/b"],
  ["/a/./b", "/a/b"],
  ["/a/../b", "/b"],
  ["/a/b/..", "/a/"],
  ["/a/b/.", "/a/b/"],
  ["/..", "/"],
  ["/.", "/"],
  ["/../../a", "/a"],
  // RFC 3986 §5.2.4: an empty segment is a segment.
  ["/a//../b", "/a/b"],
  ["//a//b//", "//a//b//"],
  ["/a/%2e%2E/b", "/b"],
  ["/%61%7e%5F%2d%2E", "/a~_-."],
  ["/%2f%2F%c3%a9%20%25", "/%2f%2F%c3%a9%20%25"],
  ["/%252e%252e/", "/%252e%252e/"],
  ["/a;b=../..;/c", "/a;b=../..;/c"],
  ["/.a/..b/...", "/.a/..b/..."],
])("%s is normally %s", (path, normal) => {
  expect(normalPath(path)).toBe(normal);
  // As a browser has it, which leaves escapes be.
  if (!path.includes("%")) expect(new URL(`http://a.test${path}`).pathname).toBe(normal);
});

test.each(["/a\\b", "/%00", "/a%00", "/%", "/%2", "/%zz", "/%u0061", "/%%", "/a/..%"])(
  "%s has no normal form",
  (path) => {
    expect(normalPath(path)).toBeUndefined();
  },
);

test("a path has as many readings as servers", () => {
  expect(comparedPath("//a/%c3%a9%2F//")).toBe("//a/%C3%A9%2F//");
  expect(mergedPath("//a///b/%c3%a9%2F//")).toBe("/a/b/%c3%a9%2F/");
  expect(slashedPaths("/a%2fb%5C%2F/..c%5cd")).toEqual([
    ...["/a/b///..c/d", "/a/b/..c/d"],
    ...["/a/b///..c/d", "/a/b/..c/d"],
  ]);
  expect(slashedPaths("/a%2F..%5cb//.%2f")).toEqual(["/a/../b//./", "/a/../b/./", "/b//", "/b/"]);
  expect(slashedPaths("/a//%2e")).toEqual([]);
});

test.each([
  ["/", "/"],
  ["/api/v1", "/api/v1"],
  ["/files/", "/files/"],
  ["//api/./v1", "/api/v1"],
  ["/caf\u00e9", "/caf%C3%A9"],
  ["/caf%c3%a9", "/caf%C3%A9"],
  ["/a b", "/a%20b"],
  ["/a%20b", "/a%20b"],
  ["/%7Eme", "/~me"],
  ["/100%", undefined],
  ["/a\\b", undefined],
  ["/a\0", undefined],
  ["/a%2fb", undefined],
  ["/a%5Cb", undefined],
])("the prefix %j is compared as %j", (prefix, compared) => {
  expect(comparedPrefix(prefix)).toBe(compared as string);
});
