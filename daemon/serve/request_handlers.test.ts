import { expect, test } from "bun:test";
import { type AppOptions, readAppOptions } from "./app_options.ts";
import {
  leavingHandlers,
  type RequestHandlers,
  type RequestWatch,
  workingHandlers,
} from "./request_handlers.ts";

const SERVER = { name: "server" };

function app(given: object): AppOptions {
  const options = readAppOptions(given);
  if (!options) throw new Error("no app");
  return options;
}

function counting(everything = false): RequestWatch & { count: number } {
  return {
    count: 0,
    everything,
    seen() {
      this.count++;
    },
  };
}

function request(path: string): Request {
  return new Request(`http://app.test${path}`);
}

async function call(route: unknown, path: string): Promise<Response> {
  const response = await (route as RequestHandlers["fetch"])(request(path));
  if (!response) throw new Error("no response");
  return response;
}

test("counts a request and gives the handler the server", async () => {
  const watch = counting();
  const seen: unknown[] = [];
  const options = app({
    fetch: (_request: Request, server: unknown) => {
      seen.push(server);
      return new Response("fetched");
    },
    routes: { "/a": { GET: () => new Response("routed") } },
  });
  const { fetch, routes } = workingHandlers(options, SERVER, watch);
  expect(await (await call(fetch, "/")).text()).toBe("fetched");
  expect(await (await call((routes["/a"] as Record<string, unknown>)["GET"], "/a")).text()).toBe("routed");
  expect([watch.count, seen]).toEqual([2, [SERVER]]);
});

test("a constant answer stays with Bun, unless every request must be seen", async () => {
  const given = app({
    routes: { "/a": new Response("constant"), "/b": { GET: new Response("in a table") } },
  });
  expect(workingHandlers(given, SERVER, counting()).routes["/a"]).toBeInstanceOf(Response);
  const watch = counting(true);
  const { routes } = workingHandlers(given, SERVER, watch);
  for (let time = 0; time < 2; time++) {
    expect(await (await call(routes["/a"], "/a")).text()).toBe("constant");
    expect(await (await call((routes["/b"] as Record<string, unknown>)["GET"], "/b")).text()).toBe(
      "in a table",
    );
  }
  expect(watch.count).toBe(4);
});

test("answers health only where the app has nothing", async () => {
  const answer = (status: number) => ({ fetch: () => new Response("app", { status }) });
  const health = async (given: object) => {
    const route = workingHandlers(app(given), SERVER, counting()).routes["/healthz"];
    const get = typeof route === "function" ? route : (route as { GET: unknown }).GET;
    const response = await call(get, "/healthz");
    return `${response.status} ${await response.text()}`;
  };
  expect(await health(answer(404))).toBe("200 ok");
  expect(await health(answer(200))).toBe("200 app");
  expect(await health(answer(503))).toBe("503 app");
  const missing = () => new Response("app", { status: 404 });
  const posts = { "/healthz": { POST: missing } };
  expect(await health({ routes: { "/healthz": missing } })).toBe("404 app");
  expect(await health({ routes: { "/*": missing } })).toBe("200 ok");
  expect(await health({ routes: { "/:page": missing }, ...answer(503) })).toBe("200 ok");
  expect(await health({ routes: { "/:page": missing, "/healthz": () => new Response("own") } })).toBe(
    "200 own",
  );
  expect(await health({ routes: posts })).toBe("200 ok");
  // As Hono tells its routes.
  const list = (...paths: string[]) => paths.map((path) => ({ method: "GET", path }));
  expect(await health({ routes: list("/:slug"), ...answer(500) })).toBe("200 ok");
  expect(await health({ routes: list("/:slug", "/healthz"), ...answer(500) })).toBe("500 app");
  expect(await health({ routes: list("/*"), ...answer(500) })).toBe("500 app");
  expect(await health({ routes: list("/:a/:b"), ...answer(500) })).toBe("500 app");
});

test("a child that leaves asks every client to close", async () => {
  const immutable = await fetch("data:text/plain,far");
  const options = app({
    fetch: (asked: Request) =>
      asked.url.endsWith("/far") ? immutable : new Response("near", { status: 201 }),
    routes: { "/constant": new Response("constant"), "/table": { GET: new Response("in a table") } },
  });
  const { fetch: leaving, routes } = leavingHandlers(options, SERVER, counting());
  const table = routes["/table"] as Record<string, unknown>;
  const responses = [
    await call(leaving, "/"),
    await call(leaving, "/far"),
    await call(routes["/constant"], "/constant"),
    await call(table["GET"], "/table"),
  ];
  expect(responses.map(({ headers }) => headers.get("connection"))).toEqual(Array(4).fill("close"));
  expect(await Promise.all(responses.map((response) => response.text()))).toEqual([
    "near",
    "far",
    "constant",
    "in a table",
  ]);
  expect(responses[0]?.status).toBe(201);
});

test("after a WebSocket upgrade there is no response", async () => {
  const { fetch } = leavingHandlers(app({ fetch: () => undefined }), SERVER, counting());
  expect(await fetch(request("/"))).toBeUndefined();
});
