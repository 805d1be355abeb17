import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Origin } from "../harness/origin.ts";
import { EdgeSite } from "./edge_site.ts";

const ROUTES: [name: string, host: string, prefix: string][] = [
  ["exact", "example.com", "/"],
  ["exact_api", "example.com", "/api"],
  ["exact_v1", "example.com", "/api/v1"],
  ["exact_slash", "example.com", "/files/"],
  ["wildcard", "*.example.com", "/"],
  ["any_open", "", "/open"],
];
const origins = new Map(ROUTES.map(([name]) => [name, Origin.start(name)]));
let edge: EdgeSite;

beforeAll(async () => {
  const tables = ROUTES.map(
    ([name, host, prefix]) =>
      `[[proxy.route]]\n${host ? `host = "${host}"\n` : ""}path_prefix = "${prefix}"\nbackend = "${name}"\n[backend.${name}]\nservers = ["${origins.get(name)?.address}"]\n`,
  ).toReversed();
  edge = await EdgeSite.start({ servers: ["127.0.0.1:1"], tables: tables.join("") });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  for (const origin of origins.values()) await origin.stop();
});

describe("the most specific route wins, in whatever order they stand", () => {
  test.each([
    ["example.com", "/", "exact"],
    ["example.com", "/x", "exact"],
    ["EXAMPLE.com", "/x", "exact"],
    ["example.com:8080", "/x", "exact"],
    ["example.com", "/api", "exact_api"],
    ["example.com", "/api/", "exact_api"],
    ["example.com", "/api?x", "exact_api"],
    ["example.com", "/api/v2", "exact_api"],
    ["example.com", "/api/v1", "exact_v1"],
    ["example.com", "/api/v1/x?y=/", "exact_v1"],
    ["www.example.com", "/", "wildcard"],
    ["a.b.example.com", "/api", "wildcard"],
    ["other.test", "/open", "any_open"],
    ["127.0.0.1", "/open/x", "any_open"],
  ])("%s%s goes to %s", async (host, path, name) => {
    const response = await edge.get(path, host);
    expect([response.status, response.body.toString()]).toEqual([200, name]);
  });

  test("OPTIONS * goes where / goes", async () => {
    using client = await edge.open();
    client.send("OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n");
    // Bun's own server knows no "*".
    expect((await client.response("OPTIONS")).body.toString()).not.toContain("404");
  });

  test("a host of its own comes before any host, even with a shorter prefix", async () => {
    expect((await edge.get("/open", "example.com")).body.toString()).toBe("exact");
  });
});

describe("a prefix ends at a segment's boundary", () => {
  test.each([
    ["/apix", "exact"],
    ["/api/v10", "exact_api"],
    ["/API", "exact"],
    ["/files/x", "exact_slash"],
    ["/filesx", "exact"],
  ])("%s goes to %s", async (path, name) => {
    expect((await edge.get(path, "example.com")).body.toString()).toBe(name);
  });
});

test.each([
  ["other.test", "/"],
  ["other.test", "/openx"],
  ["xexample.com", "/"],
  ["example.com.evil.test", "/"],
  ["example", "/"],
])("no route for %s%s: 404, and it says so", async (host, path) => {
  const response = await edge.get(path, host);
  expect(response.status).toBe(404);
  expect(response.headers.get("content-type")).toContain("text/plain");
  expect(response.body.toString()).toContain("404");
});
