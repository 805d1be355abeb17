import { withHead } from "../shared/config/route_problems.ts";
import type { BackendConfig, Config, RouteConfig } from "../shared/config/schema.ts";
import { comparedPrefix } from "../shared/normal_path.ts";
import type { RoutePlan, RulesPlan } from "./plan.ts";

/** The backend, and the member of any backend, that stands for the app server under the same supervisor. */
export const SERVE = "serve:";

/** No route at all means one for everything, to the app server. */
export function routesOf({ proxy }: Config): RoutePlan[] {
  if (proxy.route.length === 0)
    return [{ host: undefined, pathPrefix: "/", methods: [], backend: SERVE, rules: undefined }];
  return proxy.route.map((route) => ({
    host: route.host,
    pathPrefix: comparedPrefix(route.path_prefix) ?? route.path_prefix,
    methods: [...new Set(route.methods.flatMap(withHead))],
    backend: route.backend,
    rules: rulesOf(route),
  }));
}

/** undefined when all is default: such a route costs a request nothing. */
function rulesOf(route: RouteConfig): RulesPlan | undefined {
  const { redirect, respond, strip_prefix, access_log, allow, deny, headers } = route;
  const lists = [allow, deny, Object.keys(headers.request), Object.keys(headers.response)];
  const plain =
    !redirect && !respond && !strip_prefix && access_log && lists.every(({ length }) => length === 0);
  return plain ? undefined : { redirect, respond, strip_prefix, access_log, allow, deny, headers };
}

/** A server as the file has it. */
export interface ServerSettings {
  address: string;
  weight: number;
  /** 0: no limit. */
  connectionsMax: number;
}

/** The servers a backend names itself. */
export function ownServers({ servers }: BackendConfig): ServerSettings[] {
  return servers.map(settingsOf).filter(({ address }) => address !== SERVE);
}

/** What holds for each of the app's children in this backend. */
export function serveSettings(backend: BackendConfig | undefined): ServerSettings {
  return backend?.servers.map(settingsOf).find(({ address }) => address === SERVE) ?? settingsOf(SERVE);
}

/** Whether requests of this backend go to the app server. */
export function usesServe({ backend }: Config, name: string | undefined): boolean {
  if (name === undefined) return false;
  return (
    name === SERVE || (backend[name]?.servers.some((server) => settingsOf(server).address === SERVE) ?? false)
  );
}

function settingsOf(server: BackendConfig["servers"][number]): ServerSettings {
  if (typeof server === "string") return { address: server, weight: 1, connectionsMax: 0 };
  const { address, weight, max_connections: connectionsMax } = server;
  return { address, weight, connectionsMax };
}
