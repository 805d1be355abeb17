import { expect, test } from "bun:test";
import type { Ending } from "./exchange_state.ts";
import { type Progress, type Stage, stageOf, terminationState } from "./termination_state.ts";

const NOTHING: Progress = {
  queued: false,
  dispatchedMs: -1,
  connectedMs: -1,
  answered: false,
  responseDone: false,
};

test.each<[Stage, Partial<Progress>]>([
  ["request", {}],
  ["queue", { queued: true }],
  ["queue", { queued: true, dispatchedMs: 1 }],
  ["connect", { dispatchedMs: 1 }],
  ["head", { dispatchedMs: 1, connectedMs: 2 }],
  ["data", { dispatchedMs: 1, connectedMs: 2, answered: true }],
  ["last", { dispatchedMs: 1, connectedMs: 2, answered: true, responseDone: true }],
])("stage %s", (stage, known) => {
  expect(stageOf({ ...NOTHING, ...known })).toBe(stage);
});

// Each as HAProxy 2.6 logs it, tried with the same requests.
test.each<[string, Ending, Stage, boolean]>([
  ["----", "done", "last", true],
  ["LR--", "done", "last", false],
  ["LR--", "health", "request", false],
  ["PR--", "refused", "request", false],
  ["PH--", "refused", "head", true],
  ["PD--", "refused", "data", true],
  ["CR--", "client_left", "request", false],
  ["CQ--", "client_left", "queue", false],
  ["CC--", "client_left", "connect", true],
  ["CH--", "client_left", "head", true],
  ["CD--", "client_left", "data", true],
  ["CL--", "client_left", "last", true],
  ["cR--", "client_timeout", "request", false],
  ["cH--", "client_timeout", "head", true],
  ["cD--", "client_timeout", "data", true],
  ["SC--", "connect_failed", "connect", true],
  ["sC--", "connect_timeout", "connect", true],
  ["SC--", "no_server", "request", false],
  ["SH--", "server_closed", "head", true],
  ["SH--", "server_reset", "head", true],
  ["sH--", "server_timeout", "head", true],
  ["sD--", "server_timeout", "data", true],
  ["PH--", "bad_response", "head", true],
  ["PD--", "bad_response", "data", true],
  ["SD--", "truncated", "data", true],
  ["SD--", "truncated", "last", true],
  ["KD--", "drain_deadline", "data", true],
])("%s: %s at stage %s", (state, ending, stage, byServer) => {
  expect(terminationState(ending, stage, byServer)).toBe(state);
});
