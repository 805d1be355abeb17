import type { BackendConfig, Config } from "../shared/config/schema.ts";
import type { RoutePlan } from "./plan.ts";

/** The backend, and the member of any backend, that stands for the app server under the same supervisor. */
export const SERVE = "serve:";

/** No route at all means one for everything, to the app server. */
export function routesOf({ proxy }: Config): RoutePlan[] {
  if (proxy.route.length === 0) return [{ host: undefined, pathPrefix: "/", backend: SERVE }];
  return proxy.route.map(({ host, path_prefix, backend }) => ({ host, pathPrefix: path_prefix, backend }));
}

/** The addresses a backend names itself. */
export function ownAddresses({ servers }: BackendConfig): string[] {
  return servers.map(addressOf).filter((address) => address !== SERVE);
}

/** Whether requests of this backend go to the app server. */
export function usesServe({ backend }: Config, name: string): boolean {
  return name === SERVE || (backend[name]?.servers.some((server) => addressOf(server) === SERVE) ?? false);
}

function addressOf(server: BackendConfig["servers"][number]): string {
  return typeof server === "string" ? server : server.address;
}
