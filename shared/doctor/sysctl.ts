import { advice, type Diagnosis, well } from "./diagnosis.ts";
import type { ReadText } from "./kernel_limits.ts";

interface Rule {
  key: string;
  /** Whether what the kernel has will do. */
  enough(value: number): boolean;
  set: number;
  why: string;
}

/** Values that fail nobody when they are left; docs/doctor.md has the same table. */
const RULES: readonly Rule[] = [
  {
    key: "net.ipv4.tcp_max_syn_backlog",
    enough: (value) => value >= 4096,
    set: 16_384,
    why: "in a burst, connections that are half made are dropped, and their clients try again after 1 s",
  },
  {
    key: "net.ipv4.tcp_tw_reuse",
    enough: (value) => value === 1 || value === 2,
    set: 1,
    why: "ports of closed connections to servers stay taken for a minute",
  },
  {
    key: "net.ipv4.tcp_syncookies",
    enough: (value) => value !== 0,
    set: 1,
    why: "a flood of half-made connections locks everybody out",
  },
  {
    key: "net.ipv4.tcp_slow_start_after_idle",
    enough: (value) => value === 0,
    set: 0,
    why: "a kept connection that was silent for a moment begins slowly again",
  },
  {
    key: "net.core.netdev_max_backlog",
    enough: (value) => value >= 1000,
    set: 16_384,
    why: "packets that come faster than a core takes them are dropped",
  },
];

/** Sysctls of the network. One that this kernel does not show is passed over. */
export function checkSysctls(read: ReadText): Diagnosis[] {
  return RULES.flatMap(({ key, enough, set, why }) => {
    const text = read(`/proc/sys/${key.replaceAll(".", "/")}`)?.trim();
    if (text === undefined || text === "") return [];
    const value = Number(text);
    if (enough(value)) return [well(key, `is ${value}`)];
    return [advice(key, `is ${value}`, why, `sysctl -w ${key}=${set}`)];
  });
}

/** Ports we listen on that the kernel may hand to an outgoing connection while we are away. */
export function checkReservedPorts(read: ReadText, listen: readonly number[]): Diagnosis[] {
  const [first = 0, last = 0] = numbers(read("/proc/sys/net/ipv4/ip_local_port_range"));
  const reserved = (read("/proc/sys/net/ipv4/ip_local_reserved_ports") ?? "").trim();
  const inDanger = [...new Set(listen)].filter(
    (port) => port >= first && port <= last && !isReserved(reserved, port),
  );
  if (listen.length === 0) return [];
  if (inDanger.length === 0)
    return [well("reserved ports", "no listening port is one the kernel gives away")];
  const wanted = [reserved, ...inDanger].filter(Boolean).join(",");
  return [
    advice(
      "reserved ports",
      `${inDanger.join(", ")} ${inDanger.length > 1 ? "are" : "is"} among the local ports ${first}–${last}`,
      "an outgoing connection may have the port when Trivet starts again, and the start fails",
      `sysctl -w net.ipv4.ip_local_reserved_ports=${wanted}`,
    ),
  ];
}

/** "8080,9000-9100" */
function isReserved(list: string, port: number): boolean {
  return list
    .split(",")
    .filter(Boolean)
    .some((range) => {
      const [from = 0, to = from] = range.split("-").map(Number);
      return port >= from && port <= to;
    });
}

function numbers(text: string | undefined): number[] {
  return (text ?? "").trim().split(/\s+/).map(Number);
}
