/** An app's handlers as Bun.serve gets them: each request counted, health answered, connections closed when draining. */
import type { Answer, AppOptions, FetchHandler, Route } from "./app_options.ts";

export const HEALTH_PATHS = ["/healthz", "/readyz"];
/** In which our edge tells whose request it is. */
export const CLIENT_FIELD = "x-real-ip";
/** A pattern that takes any path of one segment. */
const PARAMETER = /^\/(?::[^/]+|\*)$/;

/** Is told of each request that the app gets. */
export interface RequestWatch {
  seen(): void;
  /** Constant answers count too, so that Bun may not give them without us. */
  everything: boolean;
}

/** What every handler of an app is put into. */
export type Bound = (handler: FetchHandler) => FetchHandler;

export interface RequestHandlers {
  fetch: (request: Request) => Answer;
  routes: Record<string, Route>;
}

/**
 * The handlers of a child at work. `server` is what user code gets as the second argument. A route that is a constant
 * Response stays with Bun, which answers it without calling us, unless everything must be seen.
 */
export function workingHandlers(
  app: AppOptions,
  server: unknown,
  watch: RequestWatch,
  bound: Bound = (handler) => handler,
): RequestHandlers {
  return wrap(watch.everything ? withoutConstants(app) : app, (given) => {
    const handler = bound(given);
    return (request) => {
      watch.seen();
      return handler(request, server);
    };
  });
}

/** The handlers of a child that leaves: every answer tells the client to use another connection (RFC 9112 section 9.6). */
export function leavingHandlers(
  app: AppOptions,
  server: unknown,
  watch: RequestWatch,
  bound: Bound = (handler) => handler,
): RequestHandlers {
  return wrap(withoutConstants(app), (given) => {
    const handler = bound(given);
    return async (request) => {
      watch.seen();
      const response = await handler(request, server);
      return response instanceof Response ? withClose(response) : response;
    };
  });
}

function withoutConstants(app: AppOptions): AppOptions {
  const routes = mapRoutes(app.routes, (route) => (route instanceof Response ? () => route.clone() : route));
  return { ...app, routes };
}

/** The same with a health that tells balancers to go elsewhere, whatever the app would say. */
export function unhealthy({ fetch, routes }: RequestHandlers): RequestHandlers {
  const leaving = () => new Response("leaving", { status: 503, headers: { connection: "close" } });
  return { fetch, routes: { ...routes, ...Object.fromEntries(HEALTH_PATHS.map((path) => [path, leaving])) } };
}

type Wrapper = (handler: FetchHandler) => (request: Request) => Answer;

function wrap(app: AppOptions, wrapper: Wrapper): RequestHandlers {
  const routes = mapRoutes(app.routes, (route) =>
    typeof route === "function" ? wrapper(route as FetchHandler) : route,
  );
  for (const path of HEALTH_PATHS) {
    const own = routes[path];
    const health = wrapper(healthOf(app, path));
    if (own === undefined) routes[path] = health;
    else if (isMethodTable(own)) routes[path] = { GET: health, HEAD: health, ...own };
  }
  return { fetch: wrapper(app.fetch), routes };
}

/** A route that takes whatever one segment stands there means other paths than ours. */
function healthOf({ fetch, routes, paths }: AppOptions, path: string): FetchHandler {
  const patterns = [...Object.keys(routes), ...paths.filter((known) => known !== "/*")];
  const meansOthers = !paths.includes(path) && patterns.some((pattern) => PARAMETER.test(pattern));
  return meansOthers ? () => new Response("ok") : healthy(fetch);
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
