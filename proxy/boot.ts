import type { ProxyConfig } from "../shared/config/schema.ts";
import type { ServerState } from "./server.ts";

/** What a data-plane process is told before it listens. */
export interface ProxyBoot {
  settings: ProxyConfig;
  backends: BackendPlan[];
  routes: RoutePlan[];
  /** Descriptors to accept on, with the address each stands for. */
  listeners: { fd: number; address: string }[];
}

export interface BackendPlan {
  name: string;
  retries: number;
  members: MemberState[];
}

export interface MemberState {
  address: string;
  state: ServerState;
}

export interface RoutePlan {
  host: string | undefined;
  pathPrefix: string;
  backend: string;
}

/** The whole list of a backend's members, at every change. */
export interface ProxyDown {
  backend: string;
  members: MemberState[];
}
