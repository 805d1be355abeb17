import type { ProxyConfig, RouteConfig } from "../shared/config/schema.ts";
import type { Identity } from "../shared/process/identity.ts";
import type { TimeoutOverrides } from "./edge_timeouts.ts";
import type { ServerState } from "./server.ts";

/** All that a data-plane process works by. A reload sends a new one, which takes the place of the old at once. */
export interface ProxyPlan {
  settings: ProxyConfig;
  backends: BackendPlan[];
  routes: RoutePlan[];
  /** The addresses to accept on. */
  listeners: string[];
  /** How many share the limits of servers. */
  processes: number;
}

export interface BackendPlan {
  name: string;
  retries: number;
  /** `balance` of the file. */
  balance: string;
  slowStartMs: number;
  timeouts: TimeoutOverrides;
  /** So many in a row take a server down; 0: they don't count. */
  passiveErrors: number;
  members: MemberState[];
}

export interface MemberState {
  address: string;
  /** Where the name in `address` leads, as addresses with a port; absent: it is none, or leads nowhere yet. */
  places?: readonly string[];
  /** What metrics call it, when not by its address. */
  label?: string;
  /** One of the app's children under the same supervisor. */
  ofServe?: boolean;
  state: ServerState;
  weight: number;
  /** Requests at a time, of all data-plane processes together; 0: no limit. */
  connectionsMax: number;
  /** When it came back after it had been down (Date.now()); 0: it never was. */
  recoveredAtMs: number;
}

export interface RoutePlan {
  host: string | undefined;
  /** As paths are compared with it. */
  pathPrefix: string;
  /** Empty: all. With HEAD where GET is. */
  methods: string[];
  /** undefined: we answer ourselves. */
  backend: string | undefined;
  /** undefined: requests go to the backend as they come, and its answers as they are. */
  rules: RulesPlan | undefined;
}

/** What a route does beside choosing a backend, as the file has it. */
export interface RulesPlan
  extends Pick<RouteConfig, "strip_prefix" | "access_log" | "allow" | "deny" | "headers"> {
  redirect: RouteConfig["redirect"] | undefined;
  respond: RouteConfig["respond"] | undefined;
}

export interface ProxyBoot {
  /** Whom the process becomes before it accepts. */
  identity: Identity | undefined;
  plan: ProxyPlan;
  /** The inherited descriptors, with the address each accepts for. */
  sockets: { address: string; fd: number }[];
  /** Where descriptors of later listeners come in. */
  channel: number;
}

/** Parent → child. */
export type ProxyDown =
  /** The whole list of a backend's members, at every change. */
  | { kind: "members"; number: number; backend: string; members: MemberState[] }
  /** Health says no from now on: we are about to leave. */
  | { kind: "leaving" }
  /** What connects waits until we have ended: on drain, tunnels and event streams are not waited for. */
  | { kind: "hurry" }
  /** Log files were moved away. */
  | { kind: "reopen" }
  /** A reload; the descriptors of `added` wait in the channel. */
  | { kind: "plan"; number: number; plan: ProxyPlan; added: string[] };
