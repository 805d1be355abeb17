import type { Exchange } from "./exchange_state.ts";
import { readPath, settle } from "./path_reading.ts";
import type { Route } from "./router.ts";

const SLASH = 47;

/** Servers would find the request in different routes. */
export const DOUBTFUL = "doubtful";

/** Reads a path that may have other spellings; false when servers do not agree on it. */
export function readable(exchange: Exchange): boolean {
  const { bytes, request } = exchange;
  // An absolute target without a path is odd by its scheme alone.
  if (bytes[request.pathStart] !== SLASH) return true;
  exchange.reading = readPath(exchange.target);
  return exchange.reading !== null;
}

/** The route of a request, by whatever spelling of its path and host; undefined when there is none. */
export function routeOf(exchange: Exchange): Route | undefined | typeof DOUBTFUL {
  const { router } = exchange.session.edge;
  if (router.only) return router.only;
  const { host, reading } = exchange;
  const method = router.byMethod ? exchange.method : "";
  const found = router.find(host, exchange.path, method);
  if (reading === null) return found;
  const settled = settle(reading, exchange.target, found, (path) => router.find(host, path, method));
  return settled ? found : DOUBTFUL;
}
