/** What Bun.serve is told of a user's app; where to listen and how long is ours. */

type Awaitable<T> = T | Promise<T>;
/** Undefined after a WebSocket upgrade. */
export type Answer = Awaitable<Response | undefined>;
export type FetchHandler = (request: Request, server: unknown) => Answer;
/** A function, a Response, an HTML bundle, or one of these a method. */
export type Route = unknown;

export interface AppOptions {
  fetch: FetchHandler;
  routes: Record<string, Route>;
  /** The paths of GET routes inside fetch(), as far as the app tells. */
  paths: readonly string[];
  websocket: object | undefined;
  error: ((error: Error) => Awaitable<Response>) | undefined;
  maxRequestBodySize: number | undefined;
}

/** Reads what an app gave to Bun.serve, or exports as its default. Undefined when it can't answer requests. */
export function readAppOptions(given: unknown): AppOptions | undefined {
  if (typeof given === "function") return readAppOptions({ fetch: given });
  if (typeof given !== "object" || given === null) return undefined;
  const {
    fetch,
    routes,
    static: constants,
    websocket,
    error,
    maxRequestBodySize,
  } = given as Record<string, unknown>;
  // `static` is what `routes` was called in Bun 1.1.
  const tables = [constants, routes].filter(isTable);
  if (typeof fetch !== "function" && tables.length === 0) return undefined;
  return {
    // Bound, since an app may be an object of a class.
    fetch: typeof fetch === "function" ? (fetch as FetchHandler).bind(given) : notFound,
    routes: Object.assign({}, ...tables) as Record<string, Route>,
    websocket: typeof websocket === "object" && websocket !== null ? websocket : undefined,
    error: typeof error === "function" ? (error as (error: Error) => Response).bind(given) : undefined,
    paths: pathsIn(routes),
    maxRequestBodySize: typeof maxRequestBodySize === "number" ? maxRequestBodySize : undefined,
  };
}

/** Hono keeps a list of its own under the name of the routes. */
function isTable(given: unknown): given is object {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}

/** Of the list of routes that Hono and Elysia keep under this name. */
export function pathsIn(routes: unknown): string[] {
  if (!Array.isArray(routes)) return [];
  return routes.flatMap((route: unknown) => {
    const { method, path } = (route ?? {}) as Record<string, unknown>;
    return (method === "GET" || method === "ALL") && typeof path === "string" ? [path] : [];
  });
}

function notFound(): Response {
  return new Response("Not Found", { status: 404 });
}
