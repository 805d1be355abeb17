import { readFileSync } from "node:fs";

/** What the kernel allows, as far as the number of connections hangs on it. */
export interface KernelLimits {
  /** Open descriptors of one process: `ulimit -Hn`. Bun raises the soft limit to the hard one. */
  descriptorsMax: number;
  /** fs.nr_open: what a descriptor limit can be raised to. */
  descriptorsCeiling: number;
  /** fs.file-max and what of it is in use: open files of all processes. */
  filesMax: number;
  filesOpen: number;
  /** Local ports of an address: net.ipv4.ip_local_port_range. */
  portFirst: number;
  portLast: number;
  /** net.core.somaxconn: connections that wait to be accepted, a listening socket. */
  acceptQueueMax: number;
  /** Connections that the firewall follows; undefined when it follows none. */
  followed: { max: number; now: number } | undefined;
  memoryAvailableBytes: number;
}

/** Reads a file of /proc; undefined when there is none. */
export type ReadText = (path: string) => string | undefined;

export function readKernelLimits(read: ReadText = readText): KernelLimits {
  const numbers = (path: string) => (read(path) ?? "").trim().split(/\s+/).map(Number);
  const [portFirst = 32_768, portLast = 60_999] = numbers("/proc/sys/net/ipv4/ip_local_port_range");
  const [filesOpen = 0] = numbers("/proc/sys/fs/file-nr");
  const [followedMax = 0] = numbers("/proc/sys/net/netfilter/nf_conntrack_max");
  const [followedNow = 0] = numbers("/proc/sys/net/netfilter/nf_conntrack_count");
  return {
    descriptorsMax: hardLimit(read("/proc/self/limits") ?? ""),
    descriptorsCeiling: numbers("/proc/sys/fs/nr_open")[0] ?? 0,
    filesMax: numbers("/proc/sys/fs/file-max")[0] ?? 0,
    filesOpen,
    portFirst,
    portLast,
    acceptQueueMax: numbers("/proc/sys/net/core/somaxconn")[0] ?? 0,
    followed: followedMax > 0 ? { max: followedMax, now: followedNow } : undefined,
    memoryAvailableBytes:
      Number(/^MemAvailable:\s+(\d+) kB/m.exec(read("/proc/meminfo") ?? "")?.[1] ?? 0) * 1024,
  };
}

function hardLimit(limits: string): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  return hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard ?? 0);
}

/** A whole file; undefined when it is not there or may not be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
