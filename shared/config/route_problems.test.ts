import { expect, test } from "bun:test";
import type { Table } from "./problem.ts";
import { routeProblems } from "./route_problems.ts";

const said = (...routes: Table[]) =>
  routeProblems(routes.map((table, i) => ({ path: [i], table }))).map(
    ({ path, sentence }) => `${path.join(".")}: ${sentence}`,
  );
const route = (keys: Table) => ({ backend: "a", ...keys });

test.each([[{ backend: "a" }], [{ redirect: { to: "/x" }, strip_prefix: true }], [{ respond: {} }]])(
  "%j has one thing to do",
  (table) => {
    expect(said(table)).toEqual([]);
  },
);

test("a route has exactly one thing to do, and each that is too many is told", () => {
  expect(said({})).toEqual(["0: this route has no backend, redirect or respond: give it one"]);
  const tooMany =
    "a route has only one of backend, redirect or respond: this one has more, remove all but one";
  expect(said({ respond: {}, backend: "a", redirect: {} })).toEqual([
    `0.redirect: ${tooMany}`,
    `0.respond: ${tooMany}`,
  ]);
});

test("what acts on requests to a server has no place where there is none", () => {
  const headers = { request: { A: "b" } };
  expect(said({ respond: {}, strip_prefix: true, headers })).toHaveLength(2);
  expect(said({ respond: {}, strip_prefix: false, headers: { response: { A: "b" } } })).toEqual([]);
});

test("a prefix with a query or a fragment is that of no request", () => {
  for (const prefix of ["/search?q=", "/page#top"])
    expect(said(route({ path_prefix: prefix }))).toEqual([
      "0.path_prefix: no request has this path_prefix: a path ends before ? and #, write it without them",
    ]);
});

test("a body where the status allows none", () => {
  expect(said({ respond: { status: 204, body: "x" } })).toEqual([
    "0.respond.body: an answer with status 204 has no body: remove it",
  ]);
  expect(
    said({ respond: { status: 204, body: "" } }, { host: "b", respond: { status: 404, body: "x" } }),
  ).toEqual([]);
});

test.each(["/a\\b", "/100%", "/a%2fb", "/a%5C", "/%00"])("no request has the prefix %s", (path_prefix) => {
  expect(said(route({ path_prefix }))).toEqual([
    "0.path_prefix: no request has this path_prefix: write it without a backslash, a NUL, %2F and %5C, and % as %25",
  ]);
});

test("a method in the wrong case", () => {
  expect(said(route({ methods: ["get", "POST", "purge"] }))).toEqual([
    '0.methods.0: methods are case-sensitive: write "GET"',
  ]);
});

test.each([
  [{}, { path_prefix: "/" }],
  [{ path_prefix: "/api" }, { path_prefix: "/api" }],
  [{ host: "A.example" }, { host: "a.example" }],
  [{ host: "a.example." }, { host: "a.example" }],
  [{ host: "[::1]" }, { host: "[0:0::1]" }],
  [{ path_prefix: "/a/../%61pi" }, { path_prefix: "//api" }],
  [{ path_prefix: "/caf\u00e9" }, { path_prefix: "/caf%c3%a9" }],
])("the routes %j and %j match the same", (first, second) => {
  expect(said(route(first), route(second))).toEqual([
    "1: this route matches the same requests as one further up: remove one of the two",
  ]);
});

test.each([
  [["GET"], ["POST", "GET"], "GET, HEAD"],
  [["GET"], ["HEAD"], "HEAD"],
  [["A"], ["A"], "A"],
])("routes for the methods %j and %j overlap in %s", (first, second, both) => {
  expect(said(route({ methods: first }), route({ methods: second }))).toEqual([
    `1: this route matches the same requests as one further up for ${both}: remove one of the two`,
  ]);
});

test("routes that differ in host, prefix or methods stand side by side", () => {
  const different: Table[] = [
    { host: "a" },
    { host: "b" },
    {},
    { methods: ["GET"] },
    { methods: ["POST", "PUT"] },
    { path_prefix: "/API" },
    { path_prefix: "/api" },
    { path_prefix: "/api/" },
    { path_prefix: "/api/v1" },
  ];
  expect(said(...different.map(route))).toEqual([]);
});

test("values of the wrong kind are left to the shape check", () => {
  expect(said({ backend: 1, methods: 5, headers: [] }, { host: 1, backend: 2, methods: [1] })).toEqual([]);
});
