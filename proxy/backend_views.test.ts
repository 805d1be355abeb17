import { expect, test } from "bun:test";
import type { Sample } from "../shared/metrics.ts";
import { backendViews, IN_FLIGHT, QUEUED } from "./backend_views.ts";
import type { BackendPlan } from "./plan.ts";

const member = (address: string) => ({
  address,
  state: "up" as const,
  weight: 1,
  connectionsMax: 0,
  recoveredAtMs: 0,
});

function plan(name: string, ...addresses: string[]): BackendPlan {
  const members = addresses.map(member);
  return {
    name,
    retries: 2,
    balance: "round_robin",
    slowStartMs: 0,
    timeouts: {},
    passiveErrors: 0,
    members,
  };
}

function gauge(name: string, value: number, labels: Record<string, string>): Sample {
  return { name, kind: "gauge", help: "", labels, value };
}

test("what waits and what runs is summed over the processes, by backend and server", () => {
  const samples = [
    gauge(QUEUED, 2, { backend: "app" }),
    gauge(QUEUED, 3, { backend: "app" }),
    gauge(QUEUED, 9, { backend: "api" }),
    gauge(IN_FLIGHT, 4, { backend: "app", server: "a:1" }),
    gauge(IN_FLIGHT, 5, { backend: "app", server: "a:1" }),
    gauge(IN_FLIGHT, 7, { backend: "api", server: "a:1" }),
  ];
  const [app] = backendViews([plan("app", "a:1", "b:1")], () => [], samples);
  expect(app?.queued).toBe(5);
  expect(app?.servers.map(({ address, inFlight }) => [address, inFlight])).toEqual([
    ["a:1", 9],
    ["b:1", 0],
  ]);
});

test("a server that is checked shows its last check", () => {
  const last = { passed: true, said: "200", tookMs: 1, atMs: 5 };
  const [app] = backendViews([plan("app", "a:1")], () => [{ ...member("a:1"), last, sinceMs: 3 }], []);
  expect(app?.servers[0]).toMatchObject({ last, sinceMs: 3, inFlight: 0 });
});
