/** An app's handlers as Bun.serve gets them: each request counted, health answered, connections closed when draining. */
import type { Counter } from "../../shared/metrics.ts";
import type { Answer, AppOptions, FetchHandler, Route } from "./app_options.ts";

const HEALTH_PATHS = ["/healthz", "/readyz"];

/** What every handler of an app is put into. */
export type Bound = (handler: FetchHandler) => FetchHandler;

export interface RequestHandlers {
  fetch: (request: Request) => Answer;
  routes: Record<string, Route>;
}

/**
 * The handlers of a child at work. `server` is what user code gets as the second argument. A route that is a constant
 * Response stays with Bun, which answers it without calling us: it is not counted.
 */
export function workingHandlers(
  app: AppOptions,
  server: unknown,
  requests: Counter,
  bound: Bound = (handler) => handler,
): RequestHandlers {
  return wrap(app, (given) => {
    const handler = bound(given);
    return (request) => {
      requests.value++;
      return handler(request, server);
    };
  });
}

/** The handlers of a child that leaves: every answer tells the client to use another connection (RFC 9112 section 9.6). */
export function leavingHandlers(
  app: AppOptions,
  server: unknown,
  requests: Counter,
  bound: Bound = (handler) => handler,
): RequestHandlers {
  const routes = mapRoutes(app.routes, (route) => (route instanceof Response ? () => route.clone() : route));
  return wrap({ ...app, routes }, (given) => {
    const handler = bound(given);
    return async (request) => {
      requests.value++;
      const response = await handler(request, server);
      return response instanceof Response ? withClose(response) : response;
    };
  });
}

type Wrapper = (handler: FetchHandler) => (request: Request) => Answer;

function wrap(app: AppOptions, wrapper: Wrapper): RequestHandlers {
  const routes = mapRoutes(app.routes, (route) =>
    typeof route === "function" ? wrapper(route as FetchHandler) : route,
  );
  for (const path of HEALTH_PATHS) {
    if (!Object.keys(app.routes).some((pattern) => answers(pattern, path)))
      routes[path] = wrapper(healthy(app.fetch));
  }
  return { fetch: wrapper(app.fetch), routes };
}

/** Whether a route pattern of Bun.serve takes a path of one segment. */
function answers(pattern: string, path: string): boolean {
  return pattern === path || pattern === "/*" || /^\/:[^/]+$/.test(pattern);
}

/** Asks the app first: "ok" only when it has nothing there. */
function healthy(fetch: FetchHandler): FetchHandler {
  return async (request, server) => {
    const response = await fetch(request, server);
    return response?.status === 404 ? new Response("ok") : response;
  };
}

function mapRoutes(routes: Record<string, Route>, change: (route: Route) => Route): Record<string, Route> {
  return mapValues(routes, (route) => (isMethodTable(route) ? mapValues(route, change) : change(route)));
}

function mapValues(
  object: Record<string, unknown>,
  change: (value: unknown) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

/** { GET: …, POST: … }; not a Response, nor an HTML bundle, whose keys are lower case. */
function isMethodTable(route: Route): route is Record<string, Route> {
  if (typeof route !== "object" || route === null || route instanceof Response) return false;
  const keys = Object.keys(route);
  return keys.length > 0 && keys.every((key) => /^[A-Z]+$/.test(key));
}

function withClose(response: Response): Response {
  try {
    response.headers.set("connection", "close");
    return response;
  } catch {
    // Headers of a response that fetch() gave are immutable.
    const copy = new Response(response.body, response);
    copy.headers.set("connection", "close");
    return copy;
  }
}
