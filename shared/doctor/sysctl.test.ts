import { expect, test } from "bun:test";
import { checkReservedPorts, checkSysctls } from "./sysctl.ts";

const reader = (files: Record<string, string>) => (path: string) => files[path];

test("a sysctl that is short is told with what to type; one that is not there is passed over", () => {
  const found = checkSysctls(
    reader({
      "/proc/sys/net/ipv4/tcp_max_syn_backlog": "512\n",
      "/proc/sys/net/ipv4/tcp_slow_start_after_idle": "0\n",
    }),
  );
  expect(found).toMatchObject([
    {
      name: "net.ipv4.tcp_max_syn_backlog",
      verdict: "advice",
      change: "sysctl -w net.ipv4.tcp_max_syn_backlog=16384",
    },
    { name: "net.ipv4.tcp_slow_start_after_idle", verdict: "ok" },
  ]);
});

test.each([
  ["", [8080], "sysctl -w net.ipv4.ip_local_reserved_ports=8080"],
  ["9000-9100", [8080, 9050, 80], "sysctl -w net.ipv4.ip_local_reserved_ports=9000-9100,8080"],
  ["8080,9000-9100", [8080, 9050], ""],
])("reserved %j, listening on %j: %s", (reserved, listen, change) => {
  const read = reader({
    "/proc/sys/net/ipv4/ip_local_port_range": "2048\t65000\n",
    "/proc/sys/net/ipv4/ip_local_reserved_ports": `${reserved}\n`,
  });
  expect(checkReservedPorts(read, listen)).toMatchObject([{ change }]);
});
