import type { KernelLimits } from "./kernel_limits.ts";

/** What a number of connections takes. A part that does not matter is left out. */
export interface Demand {
  /** Descriptors of the process that has most. */
  descriptors?: number;
  /** Open files of all processes together, beyond those that are open now. */
  files?: number;
  /** Connections from one address to one address and port. */
  portsOfAddress?: number;
  /** Connections that may wait to be accepted by one listening socket. */
  acceptQueue?: number;
  /** Connections that the firewall follows, beyond those of now. */
  followed?: number;
  memoryBytes?: number;
}

/** One check: what there is and what is wanted, in a sentence, and how to change it. */
export interface Finding {
  name: "descriptors" | "open files" | "local ports" | "accept queue" | "connection tracking" | "memory";
  ok: boolean;
  sentence: string;
  /** "" when it is well. */
  change: string;
}

const MIB = 1024 ** 2;
const UNPRIVILEGED_PORT_MIN = 1024;

/** One finding a part of the demand, in a fixed order. */
export function checkCapacity(limits: KernelLimits, demand: Demand): Finding[] {
  const { descriptors, files, portsOfAddress, acceptQueue, followed, memoryBytes } = demand;
  return [
    ...(descriptors === undefined ? [] : [checkDescriptors(limits, descriptors)]),
    ...(files === undefined ? [] : [checkFiles(limits, files)]),
    ...(portsOfAddress === undefined ? [] : [checkPorts(limits, portsOfAddress)]),
    ...(acceptQueue === undefined ? [] : [checkAcceptQueue(limits, acceptQueue)]),
    ...(followed === undefined || !limits.followed ? [] : [checkFollowed(limits.followed, followed)]),
    ...(memoryBytes === undefined ? [] : [checkMemory(limits, memoryBytes)]),
  ];
}

/** Local ports of one address. */
export function portsOf({ portFirst, portLast }: KernelLimits): number {
  return portLast - portFirst + 1;
}

function checkDescriptors({ descriptorsMax, descriptorsCeiling }: KernelLimits, wanted: number): Finding {
  const ceiling = wanted > descriptorsCeiling ? `sysctl -w fs.nr_open=${wanted}, then ` : "";
  return finding(
    "descriptors",
    wanted <= descriptorsMax,
    `a process may open ${descriptorsMax} descriptors, ${wanted} are wanted`,
    `${ceiling}ulimit -Hn ${wanted} as root, or LimitNOFILE=${wanted} in the systemd unit`,
  );
}

function checkFiles({ filesMax, filesOpen }: KernelLimits, wanted: number): Finding {
  return finding(
    "open files",
    wanted <= filesMax - filesOpen,
    `all processes may open ${filesMax} files, ${filesOpen} are open, ${wanted} more are wanted`,
    `sysctl -w fs.file-max=${filesOpen + wanted}`,
  );
}

function checkPorts(limits: KernelLimits, wanted: number): Finding {
  const first = Math.max(UNPRIVILEGED_PORT_MIN, limits.portLast - wanted + 1);
  return finding(
    "local ports",
    wanted <= portsOf(limits),
    `an address has ${portsOf(limits)} local ports for one server, ${wanted} are wanted`,
    limits.portLast - first + 1 >= wanted
      ? `sysctl -w net.ipv4.ip_local_port_range="${first} ${limits.portLast}", or more servers`
      : "more servers, or more ports or addresses for the same server",
  );
}

function checkAcceptQueue({ acceptQueueMax }: KernelLimits, wanted: number): Finding {
  return finding(
    "accept queue",
    wanted <= acceptQueueMax,
    `a listening socket may keep ${acceptQueueMax} connections waiting, ${wanted} are wanted`,
    `sysctl -w net.core.somaxconn=${wanted}`,
  );
}

function checkFollowed({ max, now }: { max: number; now: number }, wanted: number): Finding {
  return finding(
    "connection tracking",
    wanted <= max - now,
    `the firewall follows ${max} connections, ${now} now, ${wanted} more are wanted`,
    `sysctl -w net.netfilter.nf_conntrack_max=${now + wanted}`,
  );
}

function checkMemory({ memoryAvailableBytes }: KernelLimits, wanted: number): Finding {
  return finding(
    "memory",
    wanted <= memoryAvailableBytes,
    `${toMib(memoryAvailableBytes)} MiB of memory are available, ${toMib(wanted)} are wanted`,
    "a machine with more memory, or fewer connections",
  );
}

function finding(name: Finding["name"], ok: boolean, sentence: string, change: string): Finding {
  return { name, ok, sentence, change: ok ? "" : change };
}

function toMib(bytes: number): number {
  return Math.ceil(bytes / MIB);
}
