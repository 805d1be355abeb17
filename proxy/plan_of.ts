import type { BackendConfig, Config } from "../shared/config/schema.ts";
import type { RoutePlan } from "./plan.ts";

/** The backend, and the member of any backend, that stands for the app server under the same supervisor. */
export const SERVE = "serve:";

/** No route at all means one for everything, to the app server. */
export function routesOf({ proxy }: Config): RoutePlan[] {
  if (proxy.route.length === 0) return [{ host: undefined, pathPrefix: "/", backend: SERVE }];
  return proxy.route.map(({ host, path_prefix, backend }) => ({ host, pathPrefix: path_prefix, backend }));
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
export function usesServe({ backend }: Config, name: string): boolean {
  return (
    name === SERVE || (backend[name]?.servers.some((server) => settingsOf(server).address === SERVE) ?? false)
  );
}

function settingsOf(server: BackendConfig["servers"][number]): ServerSettings {
  if (typeof server === "string") return { address: server, weight: 1, connectionsMax: 0 };
  const { address, weight, max_connections: connectionsMax } = server;
  return { address, weight, connectionsMax };
}
