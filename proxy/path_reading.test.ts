import { expect, test } from "bun:test";
import { readPath } from "./path_reading.ts";

test.each([
  ["/a//b?x=/../", { path: "/a/b", slashed: "/a/b", target: null }],
  ["/a%2fb", { path: "/a%2Fb", slashed: "/a/b", target: null }],
  ["/a/../%62?%62=\\&%zz", { path: "/b", slashed: "/b", target: "/b?%62=\\&%zz" }],
  ["/a/..?", { path: "/", slashed: "/", target: "/?" }],
  ["/x%2f../a", { path: "/x%2F../a", slashed: "/a", target: null }],
])("%s", (target, expected) => {
  const { target: sent = null, ...paths } = readPath(target) ?? {};
  expect({ ...paths, target: sent?.toString() ?? null }).toEqual(expected);
});

test("what servers do not agree on is not read", () => {
  for (const target of ["/a\\b?x", "/%00", "/%zz?x"])
    expect([target, readPath(target)]).toEqual([target, null]);
});
