import { expect, test } from "bun:test";
import { Metrics } from "../shared/metrics.ts";
import { Backend } from "./backend.ts";
import { edgeTimeouts } from "./edge_timeouts.ts";
import { RouteCounts } from "./route_counts.ts";
import { Router } from "./router.ts";

type Given = [host: string | undefined, pathPrefix: string, name: string, methods?: string[]];

function router(...routes: Given[]): Router {
  return new Router(
    routes.map(([host, pathPrefix, name, methods = []]) => ({
      host,
      pathPrefix,
      methods,
      rules: null,
      timeouts: edgeTimeouts({
        connect: 1,
        client: 1,
        server: 1,
        request_head: 1,
        keep_alive: 1,
        queue: 1,
        tunnel: 1,
      }),
      counts: new RouteCounts(new Metrics(), pathPrefix, name),
      backend: new Backend(
        name,
        () => {
          throw new Error("no servers here");
        },
        0,
      ),
    })),
  );
}

const sites = router(
  [undefined, "/", "any"],
  [undefined, "/only-any", "any_path"],
  ["*.example.com", "/", "wildcard"],
  ["*.b.example.com", "/", "deep_wildcard"],
  ["example.com", "/api", "api"],
  ["example.com", "/api/v1", "v1"],
  ["WWW.Example.com", "/", "www"],
  ["partial.test", "/in", "partial"],
);

test.each([
  ["example.com", "/api", "api"],
  ["example.com", "/api/v1/x", "v1"],
  ["example.com", "/api/v12", "api"],
  ["example.com", "/apiary", "any"],
  ["example.com", "/", "any"],
  ["www.EXAMPLE.com", "/", "www"],
  ["x.example.com", "/", "wildcard"],
  ["x.y.example.com", "/api", "wildcard"],
  ["x.b.example.com", "/", "deep_wildcard"],
  ["b.example.com", "/", "wildcard"],
  [".example.com", "/", "any"],
  ["badexample.com", "/", "any"],
  ["partial.test", "/in/x", "partial"],
  ["partial.test", "/out", "any"],
  ["", "/only-any", "any_path"],
])("%s%s → %s", (host, path, name) => {
  expect(sites.find(host, path, "")?.backend?.name).toBe(name);
});

test("no route is undefined", () => {
  const one = router(["a.test", "/x", "a"]);
  expect(one.find("a.test", "/y", "")).toBeUndefined();
  expect(one.find("b.test", "/x", "")).toBeUndefined();
});

test("a single route for everything needs no look at the request", () => {
  expect(router([undefined, "/", "all"]).only?.backend?.name).toBe("all");
  expect(router([undefined, "/x", "some"]).only).toBeUndefined();
  expect(router(["a.test", "/", "some"]).only).toBeUndefined();
  expect(router([undefined, "/", "some", ["GET"]]).only).toBeUndefined();
  expect(sites.only).toBeUndefined();
  expect(sites.byMethod).toBe(false);
});

const byMethod = router(
  ["a.test", "/", "all"],
  ["a.test", "/", "read", ["GET", "HEAD"]],
  ["a.test", "/", "write", ["PUT"]],
  ["a.test", "/deep", "deep_post", ["POST"]],
  ["b.test", "/", "b_read", ["GET", "HEAD"]],
  ["b.test", "/x", "b_put", ["PUT", "GET"]],
  ["*.c.test", "/", "c_read", ["GET"]],
  [undefined, "/c", "c_any", ["POST"]],
);

test.each([
  ["a.test", "/x", "GET", "read"],
  ["a.test", "/x", "HEAD", "read"],
  ["a.test", "/x", "get", "all"],
  ["a.test", "/x", "PUT", "write"],
  ["a.test", "/x", "POST", "all"],
  ["a.test", "/deep", "POST", "deep_post"],
  // A route that is not for the method does not hide a shorter one.
  ["a.test", "/deep", "GET", "read"],
  ["a.test", "/deep", "PATCH", "all"],
  ["x.c.test", "/c", "GET", "c_read"],
  ["x.c.test", "/c", "POST", "c_any"],
])("%s%s by %s → %s", (host, path, method, name) => {
  expect(byMethod.find(host, path, method)?.backend?.name).toBe(name);
});

test("where only other methods have a route, those are told", () => {
  expect(byMethod.find("b.test", "/x", "DELETE")).toBeUndefined();
  expect(byMethod.methodsFor("B.test", "/x")).toEqual(["PUT", "GET", "HEAD"]);
  expect(byMethod.methodsFor("b.test", "/y")).toEqual(["GET", "HEAD"]);
  expect(byMethod.methodsFor("x.c.test", "/c")).toEqual(["GET", "POST"]);
  expect(byMethod.methodsFor("none.test", "/")).toEqual([]);
});
