import { expect, test } from "bun:test";
import { type Timed, timersOf } from "./timers.ts";

const FRESH: Timed = {
  unreadable: false,
  headMs: 0,
  startMs: 1000,
  dispatchedMs: -1,
  connectedMs: -1,
  firstByteMs: -1,
  queued: false,
};

test.each<[string, Partial<Timed>, number, number[]]>([
  ["never whole", { unreadable: true, headMs: 40 }, 2, [-1, -1, -1, -1, 42]],
  ["never given to a server", { headMs: 3 }, 1, [3, -1, -1, -1, 4]],
  ["gave up in the queue", { queued: true }, 50, [0, 50, -1, -1, 50]],
  ["never connected", { dispatchedMs: 1010 }, 60, [0, 10, -1, -1, 60]],
  ["never answered", { dispatchedMs: 1010, connectedMs: 1015 }, 60, [0, 10, 5, -1, 60]],
  ["answered", { dispatchedMs: 1010, connectedMs: 1015, firstByteMs: 45 }, 60, [0, 10, 5, 30, 60]],
  [
    "answered on a connection that was open",
    { headMs: 7, dispatchedMs: 1000, connectedMs: 1000, firstByteMs: 45 },
    60,
    [7, 0, 0, 45, 67],
  ],
])("%s", (_what, known, durationMs, expected) => {
  const { head, queue, connect, response, active } = timersOf({ ...FRESH, ...known }, durationMs);
  expect([head, queue, connect, response, active]).toEqual(expected);
});
