import { expect, test } from "bun:test";
import { checkRedisKeepsJobs } from "./redis_health.ts";

const SETTINGS = {
  "maxmemory-policy": "noeviction",
  appendonly: "yes",
  appendfsync: "everysec",
  save: "",
  maxclients: "10000",
};
const INFO = { role: "master", used_memory: "1000", maxmemory: "1000000", connected_clients: "10" };

function diagnose(
  settings: Record<string, string> | undefined,
  info: Record<string, string> = {},
  apartMs = 0,
) {
  return checkRedisKeepsJobs({
    place: "db:6379",
    info: new Map(Object.entries({ ...INFO, ...info })),
    settings: settings && new Map(Object.entries({ ...SETTINGS, ...settings })),
    apartMs,
  }).filter(({ verdict }) => verdict !== "ok");
}

test("a Redis that keeps jobs", () => {
  expect(diagnose({})).toEqual([]);
});

test.each([
  ["Redis eviction", "broken", { "maxmemory-policy": "allkeys-lru" }, {}],
  ["Redis eviction", "broken", { "maxmemory-policy": "volatile-ttl" }, {}],
  ["Redis persistence", "broken", { appendonly: "no" }, {}],
  ["Redis persistence", "broken", { appendonly: "no", save: "3600 1" }, {}],
  ["Redis persistence", "advice", { appendfsync: "no" }, {}],
  ["Redis clients", "advice", { maxclients: "100" }, {}],
  ["Redis memory", "advice", {}, { maxmemory: "0" }],
  ["Redis memory", "advice", {}, { used_memory: "950000" }],
  ["Redis memory", "broken", {}, { used_memory: "1000001" }],
  ["Redis disk", "broken", {}, { aof_last_write_status: "err" }],
  ["Redis role", "broken", {}, { role: "slave", master_host: "a", master_port: "1" }],
] as const)("%s is %s: %j %j", (name, verdict, settings, info) => {
  expect(diagnose(settings, info)).toMatchObject([{ name, verdict }]);
});

test("settings that may not be seen are not guessed", () => {
  expect(diagnose(undefined)).toMatchObject([{ name: "Redis settings", verdict: "advice" }]);
});

test("another clock", () => {
  expect(diagnose({}, {}, 60_000)).toMatchObject([{ name: "clock of Redis", verdict: "broken" }]);
});
