import { expect, test } from "bun:test";
import type { Status } from "../process/overview.ts";
import { checkNode } from "./node.ts";

const status = (version: string, ...complaints: string[]): Status => ({
  pid: 7,
  version,
  phase: "running",
  startedAtMs: 0,
  children: [],
  modes: {},
  complaints,
});

test("nothing runs", () => {
  expect(checkNode([], "1.0.0")).toMatchObject([{ name: "services", verdict: "broken" }]);
});

test("health and version of each that runs", () => {
  const runners = [
    { mode: "serve", status: status("1.0.0") },
    { mode: "worker", status: status("0.9.0", "1 of 2 worker processes not ready") },
  ];
  expect(checkNode(runners, "1.0.0").map(({ name, verdict }) => [name, verdict])).toEqual([
    ["serve", "ok"],
    ["serve version", "ok"],
    ["worker", "broken"],
    ["worker version", "advice"],
  ]);
});
