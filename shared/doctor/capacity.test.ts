import { expect, test } from "bun:test";
import { checkCapacity, type Demand, portsOf } from "./capacity.ts";
import type { KernelLimits } from "./kernel_limits.ts";

const LIMITS: KernelLimits = {
  descriptorsMax: 1024,
  descriptorsCeiling: 1_048_576,
  filesMax: 10_000,
  filesOpen: 1000,
  portFirst: 32_768,
  portLast: 60_999,
  acceptQueueMax: 128,
  followed: { max: 5000, now: 100 },
  memoryAvailableBytes: 512 * 1024 ** 2,
};

test("what is enough needs no change", () => {
  const demand: Demand = {
    descriptors: 1024,
    files: 9000,
    portsOfAddress: 28_232,
    acceptQueue: 128,
    followed: 4900,
    memoryBytes: 512 * 1024 ** 2,
  };
  const findings = checkCapacity(LIMITS, demand);
  expect(findings.map(({ name }) => name)).toEqual([
    "descriptors",
    "open files",
    "local ports",
    "accept queue",
    "connection tracking",
    "memory",
  ]);
  expect(findings.filter(({ ok, change }) => !ok || change)).toEqual([]);
});

test.each([
  [{ descriptors: 1025 }, "ulimit -Hn 1025 as root, or LimitNOFILE=1025 in the systemd unit"],
  [
    { descriptors: 2_000_000 },
    "sysctl -w fs.nr_open=2000000, then ulimit -Hn 2000000 as root, or LimitNOFILE=2000000 in the systemd unit",
  ],
  [{ files: 9001 }, "sysctl -w fs.file-max=10001"],
  [{ portsOfAddress: 28_233 }, 'sysctl -w net.ipv4.ip_local_port_range="32767 60999", or more servers'],
  [{ portsOfAddress: 70_000 }, "more servers, or more ports or addresses for the same server"],
  [{ acceptQueue: 4096 }, "sysctl -w net.core.somaxconn=4096"],
  [{ followed: 4901 }, "sysctl -w net.netfilter.nf_conntrack_max=5001"],
  [{ memoryBytes: 513 * 1024 ** 2 }, "a machine with more memory, or fewer connections"],
] as const)("%j: %s", (demand, change) => {
  expect(checkCapacity(LIMITS, demand)).toMatchObject([{ ok: false, change }]);
});

test("what is not asked for is not checked, nor a firewall that is not there", () => {
  expect(checkCapacity(LIMITS, {})).toEqual([]);
  expect(checkCapacity({ ...LIMITS, followed: undefined }, { followed: 1e9 })).toEqual([]);
});

test("both ends of the range are ports", () => {
  expect(portsOf(LIMITS)).toBe(28_232);
});
