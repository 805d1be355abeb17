import { expect, test } from "bun:test";
import { lacksReplicas } from "./redis_replicas.ts";

const info = (uptimeS: number, replicas: number, backlog: number) =>
  `# Server\r\nuptime_in_seconds:${uptimeS}\r\n# Replication\r\nrole:master\r\nconnected_slaves:${replicas}\r\nrepl_backlog_active:${backlog}\r\n`;

test("a Redis that has run for a while and has seen no replica lacks them", () => {
  expect(lacksReplicas(info(60, 0, 0))).toBe(true);
});

test("one that has a replica, has lost one, has just started, or does not say, may yet have one", () => {
  for (const text of [info(60, 1, 1), info(60, 0, 1), info(3, 0, 0), ""])
    expect(lacksReplicas(text)).toBe(false);
});
