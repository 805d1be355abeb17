import { expect, test } from "bun:test";
import { isAlive } from "./liveness.ts";

const child = (
  kind: "proxy" | "serve",
  silentMs: number,
  state: "ready" | "starting" | "draining" = "ready",
) => ({
  kind,
  state,
  silentMs,
});

test.each([
  ["nobody is there yet", [], true],
  ["all are heard", [child("proxy", 100), child("proxy", 900)], true],
  ["one of two is silent", [child("proxy", 100), child("proxy", 9000)], true],
  ["all are silent", [child("proxy", 6000), child("proxy", 9000)], false],
  ["all of one kind are silent", [child("proxy", 100), child("serve", 9000)], false],
  ["the silent one is still starting", [child("proxy", 9000, "starting")], true],
  ["the silent one is leaving", [child("proxy", 100), child("proxy", 9000, "draining")], true],
])("%s", (_, children, alive) => {
  expect(isAlive(children, 5000)).toBe(alive);
});
