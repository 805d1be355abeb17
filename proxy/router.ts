import { normalHost } from "../shared/normal_host.ts";
import type { Backend } from "./backend.ts";
import type { EdgeTimeouts } from "./edge_timeouts.ts";
import type { RouteCounts } from "./route_counts.ts";
import type { RouteRules } from "./route_rules.ts";

export interface Route {
  /** "example.com", "*.example.com", or undefined for any. */
  host: string | undefined;
  /** As paths are compared. */
  pathPrefix: string;
  /** Empty: all. */
  methods: readonly string[];
  /** undefined: we answer ourselves, by the rules. */
  backend: Backend | undefined;
  /** null: requests go to the backend as they come, and its answers as they are. */
  rules: RouteRules | null;
  counts: RouteCounts;
  timeouts: EdgeTimeouts;
}

/**
 * Finds the route of a request: a host before any host, the exact one before the wildcard, then the longest prefix, then
 * one that names the method before one for all methods.
 */
export class Router {
  /** Prefixes longest first, by host; "" is any host. */
  readonly #byHost = new Map<string, Route[]>();
  readonly #wildcards: string[] = [];
  /** The answer when there is one route for everything. */
  readonly #only: Route | undefined;
  /** Some route is only for some methods: find() must be told the request's. */
  readonly byMethod: boolean;

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const host = normalHost(route.host ?? "");
      const same = this.#byHost.get(host);
      if (same) same.push(route);
      else this.#byHost.set(host, [route]);
      if (host.startsWith("*.") && !this.#wildcards.includes(host)) this.#wildcards.push(host);
    }
    for (const same of this.#byHost.values()) same.sort(before);
    this.#wildcards.sort((a, b) => b.length - a.length);
    this.byMethod = routes.some(({ methods }) => methods.length > 0);
    const [first] = routes;
    const one = routes.length === 1 && !this.byMethod;
    this.#only = one && first?.host === undefined && first?.pathPrefix === "/" ? first : undefined;
  }

  /** The deadlines of every route. */
  get timeouts(): EdgeTimeouts[] {
    return [...this.#byHost.values()].flat().map(({ timeouts }) => timeouts);
  }

  /** Whether a request need not be looked at: every one has the same route. */
  get only(): Route | undefined {
    return this.#only;
  }

  /** `host` without its port, in any spelling; `path` as it is compared; `method` matters only with `byMethod`. */
  find(host: string, path: string, method: string): Route | undefined {
    const name = normalHost(host);
    return (
      first(this.#byHost.get(name), path, method) ??
      this.#findWildcard(name, path, method) ??
      first(this.#byHost.get(""), path, method)
    );
  }

  /** The methods that have a route here, where find() knew none; empty: nothing is here for any. */
  methodsFor(host: string, path: string): string[] {
    const name = normalHost(host);
    const hosts = [name, ...this.#wildcards.filter((wildcard) => isBelow(name, wildcard)), ""];
    const routes = hosts.flatMap((known) => this.#byHost.get(known) ?? []);
    const covering = routes.filter(({ pathPrefix }) => covers(pathPrefix, path));
    return [...new Set(covering.flatMap(({ methods }) => methods))];
  }

  #findWildcard(name: string, path: string, method: string): Route | undefined {
    for (const wildcard of this.#wildcards) {
      if (!isBelow(name, wildcard)) continue;
      const route = first(this.#byHost.get(wildcard), path, method);
      if (route) return route;
    }
    return undefined;
  }
}

/** "*.example.com" is any name below example.com, not example.com itself. */
function isBelow(name: string, wildcard: string): boolean {
  return name.length >= wildcard.length && name.endsWith(wildcard.slice(1));
}

/** In the order in which they are tried. */
function before(a: Route, b: Route): number {
  return (
    b.pathPrefix.length - a.pathPrefix.length || Number(b.methods.length > 0) - Number(a.methods.length > 0)
  );
}

function first(routes: readonly Route[] | undefined, path: string, method: string): Route | undefined {
  return routes?.find(
    ({ pathPrefix, methods }) =>
      covers(pathPrefix, path) && (methods.length === 0 || methods.includes(method)),
  );
}

/** On segment boundaries: "/api" covers "/api" and "/api/x", not "/apix". */
function covers(prefix: string, path: string): boolean {
  if (!path.startsWith(prefix)) return false;
  return path.length === prefix.length || prefix.endsWith("/") || path[prefix.length] === "/";
}
