import type { Backend } from "./backend.ts";
import type { EdgeTimeouts } from "./edge_timeouts.ts";
import type { RouteCounts } from "./route_counts.ts";

export interface Route {
  /** "example.com", "*.example.com", or undefined for any. */
  host: string | undefined;
  pathPrefix: string;
  backend: Backend;
  counts: RouteCounts;
  timeouts: EdgeTimeouts;
}

/** Finds the route of a request: a host before any host, the exact one before the wildcard, then the longest prefix. */
export class Router {
  /** Prefixes longest first, by host; "" is any host. */
  readonly #byHost = new Map<string, Route[]>();
  readonly #wildcards: string[] = [];
  /** The answer when there is one route for everything. */
  readonly #only: Route | undefined;

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const host = route.host?.toLowerCase() ?? "";
      const same = this.#byHost.get(host);
      if (same) same.push(route);
      else this.#byHost.set(host, [route]);
      if (host.startsWith("*.") && !this.#wildcards.includes(host)) this.#wildcards.push(host);
    }
    for (const same of this.#byHost.values()) same.sort((a, b) => b.pathPrefix.length - a.pathPrefix.length);
    this.#wildcards.sort((a, b) => b.length - a.length);
    const [first] = routes;
    this.#only =
      routes.length === 1 && first?.host === undefined && first?.pathPrefix === "/" ? first : undefined;
  }

  /** The deadlines of every route. */
  get timeouts(): EdgeTimeouts[] {
    return [...this.#byHost.values()].flat().map(({ timeouts }) => timeouts);
  }

  /** Whether a request need not be looked at: every one has the same route. */
  get only(): Route | undefined {
    return this.#only;
  }

  /** `host` without its port, in any case; `path` without its query. */
  find(host: string, path: string): Route | undefined {
    const name = host.toLowerCase();
    return (
      longest(this.#byHost.get(name), path) ??
      this.#findWildcard(name, path) ??
      longest(this.#byHost.get(""), path)
    );
  }

  #findWildcard(name: string, path: string): Route | undefined {
    for (const wildcard of this.#wildcards) {
      // "*.example.com" is any name below example.com, not example.com itself.
      const suffix = wildcard.slice(1);
      if (name.length <= suffix.length || !name.endsWith(suffix)) continue;
      const route = longest(this.#byHost.get(wildcard), path);
      if (route) return route;
    }
    return undefined;
  }
}

function longest(routes: readonly Route[] | undefined, path: string): Route | undefined {
  return routes?.find(({ pathPrefix }) => covers(pathPrefix, path));
}

/** On segment boundaries: "/api" covers "/api" and "/api/x", not "/apix". */
function covers(prefix: string, path: string): boolean {
  if (!path.startsWith(prefix)) return false;
  return path.length === prefix.length || prefix.endsWith("/") || path[prefix.length] === "/";
}
