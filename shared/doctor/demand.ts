import type { Config } from "../config/schema.ts";
import type { Demand } from "./capacity.ts";

/** Kept free by the edge, and what a process has open besides its connections. */
const OWN_DESCRIPTORS = 128;
/** Below this a process is short before any load comes. */
const DESCRIPTORS_MIN = 1024;
/** What listening sockets ask for. */
const ACCEPT_QUEUE = 4096;
/** The kernel spreads connections over processes by a hash, not evenly. */
const UNEVEN = 1.06;
/** Of a request in flight: measured 4.5 KB in the process, 3.75 KB in the kernel for each of two sockets. */
const REQUEST_BYTES = 12 * 1024;
const PROCESS_BYTES = 48 * 1024 ** 2;

/** How many client connections a node shall carry. */
export interface Load {
  /** Over all data-plane processes; 0: the config sets no number. */
  connections: number;
  /** Data-plane processes. */
  processes: number;
}

/** What the config asks for: proxy.max_connections counts a process. `wanted` overrides it. */
export function loadOf({ proxy }: Config, cores: number, wanted?: number): Load {
  const processes = proxy.workers === "auto" ? cores : proxy.workers;
  return { connections: wanted ?? proxy.max_connections * processes, processes };
}

/** What that load takes of the machine when every connection has a request in flight. */
export function demandOf(config: Config, { connections, processes }: Load): Demand {
  const base: Demand = { acceptQueue: ACCEPT_QUEUE };
  if (connections === 0) return { ...base, descriptors: DESCRIPTORS_MIN };
  const share = Math.ceil((connections / processes) * (processes > 1 ? UNEVEN : 1));
  return {
    ...base,
    descriptors: Math.max(DESCRIPTORS_MIN, share * 2 + OWN_DESCRIPTORS),
    files: connections * 2 + processes * OWN_DESCRIPTORS,
    portsOfAddress: busiestServer(config, connections),
    followed: connections * 2,
    memoryBytes: connections * REQUEST_BYTES + processes * PROCESS_BYTES,
  };
}

/** Connections to one server by TCP when all go to the backend with the fewest, evenly and up to its limit. */
function busiestServer({ backend }: Config, connections: number): number {
  const shares = Object.values(backend).flatMap(({ servers }) => {
    const listed = servers.map((server) =>
      typeof server === "string" ? { address: server, max_connections: 0 } : server,
    );
    const even = Math.ceil(connections / listed.length);
    return listed
      .filter(({ address }) => !address.startsWith("unix:") && address !== "serve:")
      .map(({ max_connections: max }) => (max > 0 ? Math.min(max, even) : even));
  });
  return Math.max(0, ...shares);
}
