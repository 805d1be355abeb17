import { expect, test } from "bun:test";
import { readKernelLimits } from "./kernel_limits.ts";

const FILES: Record<string, string> = {
  "/proc/self/limits":
    "Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 20000                files\n",
  "/proc/sys/fs/nr_open": "1048576\n",
  "/proc/sys/fs/file-max": "2466186\n",
  "/proc/sys/fs/file-nr": "783\t0\t2466186\n",
  "/proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
  "/proc/sys/net/core/somaxconn": "4096\n",
  "/proc/sys/net/netfilter/nf_conntrack_max": "262144\n",
  "/proc/sys/net/netfilter/nf_conntrack_count": "12\n",
  "/proc/meminfo": "MemTotal:       24000 kB\nMemAvailable:   1024 kB\n",
};

test("limits as the kernel writes them", () => {
  expect(readKernelLimits((path) => FILES[path])).toEqual({
    descriptorsMax: 20_000,
    descriptorsCeiling: 1_048_576,
    filesMax: 2_466_186,
    filesOpen: 783,
    portFirst: 32_768,
    portLast: 60_999,
    acceptQueueMax: 4096,
    followed: { max: 262_144, now: 12 },
    memoryAvailableBytes: 1_048_576,
  });
});

test("no firewall, no limit", () => {
  const files: Record<string, string> = {
    "/proc/self/limits": "Max open files  unlimited  unlimited  files",
  };
  const limits = readKernelLimits((path) => files[path]);
  expect(limits.followed).toBeUndefined();
  expect(limits.descriptorsMax).toBe(Number.POSITIVE_INFINITY);
});

test("of this machine", () => {
  const limits = readKernelLimits();
  expect(limits.descriptorsMax).toBeGreaterThan(0);
  expect(limits.portLast).toBeGreaterThan(limits.portFirst);
  expect(limits.acceptQueueMax).toBeGreaterThan(0);
  expect(limits.memoryAvailableBytes).toBeGreaterThan(0);
});
