import { checkCapacity, type Demand, type Finding, portsOf } from "../../shared/doctor/capacity.ts";
import type { KernelLimits } from "../../shared/doctor/kernel_limits.ts";

/** How a crowd of requests is spread over processes and addresses. */
export interface CrowdPlan {
  /** All of them in flight at once. */
  requests: number;
  /** Data-plane processes of the proxy. */
  workers: number;
  /** Processes that ask, and processes that answer late. */
  loads: number;
  origins: number;
  /** Client addresses: 127.0.0.2 and those after it. */
  sources: number;
}

export interface CrowdCheck {
  plan: CrowdPlan;
  /** What the wanted number takes of this machine. */
  findings: Finding[];
}

/** Besides its connections a process has a few open files. */
const OWN_DESCRIPTORS = 300;
/** The kernel spreads connections over the workers by a hash, not evenly. */
const UNEVEN = 1.06;
const WORKERS_MAX = 16;
const DRIVERS_MAX = 16;
/** More connections than this keep one asking or answering process busier than the proxy. */
const CONNECTIONS_OF_DRIVER = 12_500;
/** A local port may still be taken by an earlier connection. */
const PORTS_USED = 0.6;
/** A client binds its address first: beyond a third of the ports the kernel searches long, then finds none (measured). */
const PORTS_BOUND = 0.1;
const SOURCES_MAX = 250;
/** With 50,000 the machine had 840 MiB less: proxy, clients, origins and the kernel's sockets. This leaves room. */
const BASE_BYTES = 400 * 1024 ** 2;
const REQUEST_BYTES = 20 * 1024;
const OPENING_AT_ONCE = 512;
const REQUESTS_MIN = 10;

/** The largest plan up to `wanted` that fits; undefined when not even a few requests do. */
export function planCrowd(limits: KernelLimits, wanted: number, cores: number): CrowdCheck | undefined {
  const findings = findingsOf(limits, wanted, cores);
  let [least, most] = [0, wanted];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (fits(findingsOf(limits, middle, cores))) least = middle;
    else most = middle - 1;
  }
  return least < Math.min(wanted, REQUESTS_MIN)
    ? undefined
    : { plan: spread(limits, least, cores), findings };
}

/** A short accept queue only slows the start. */
function fits(findings: readonly Finding[]): boolean {
  return findings.every(({ ok, name }) => ok || name === "accept queue");
}

function findingsOf(limits: KernelLimits, requests: number, cores: number): Finding[] {
  return checkCapacity(limits, demandOf(spread(limits, requests, cores)));
}

function spread(limits: KernelLimits, requests: number, cores: number): CrowdPlan {
  const free = Math.max(1, limits.descriptorsMax - OWN_DESCRIPTORS);
  const ports = portsOf(limits) * PORTS_USED;
  const drivers = (of: number) => Math.min(DRIVERS_MAX, Math.max(1, Math.ceil(requests / of)));
  return {
    requests,
    // A worker has two connections a request.
    workers: Math.min(WORKERS_MAX, Math.max(cores, Math.ceil((requests * 2 * UNEVEN) / free))),
    loads: drivers(Math.min(free, CONNECTIONS_OF_DRIVER)),
    origins: drivers(Math.min(free, CONNECTIONS_OF_DRIVER, ports)),
    sources: Math.min(SOURCES_MAX, Math.max(1, Math.ceil(requests / (portsOf(limits) * PORTS_BOUND)))),
  };
}

function demandOf({ requests, workers, loads, origins, sources }: CrowdPlan): Demand {
  return {
    descriptors:
      OWN_DESCRIPTORS +
      Math.ceil(Math.max((requests * 2 * UNEVEN) / workers, requests / loads, requests / origins)),
    // Both ends of the client's connection and of the origin's.
    files: requests * 4 + OWN_DESCRIPTORS * (workers + loads + origins),
    portsOfAddress: Math.ceil(Math.max(requests / origins, requests / sources)),
    acceptQueue: Math.min(requests, OPENING_AT_ONCE),
    followed: requests * 2,
    memoryBytes: BASE_BYTES + requests * REQUEST_BYTES,
  };
}
