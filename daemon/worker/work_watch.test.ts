import { expect, test } from "bun:test";
import { type Look, silenceOf, WorkWatch } from "./work_watch.ts";

const EVERY_MS = 2_500;

/** What `watch` says over `seconds`, looked at every 2.5 s. */
function over(watch: WorkWatch, seconds: number, what: Partial<State> = {}, state = { nowMs: 0 }) {
  const said: string[] = [];
  for (let at = 0; at <= seconds * 1000; at += EVERY_MS) {
    state.nowMs += EVERY_MS;
    const answer = watch.look(look({ ...what, nowMs: state.nowMs, atMs: at }));
    if (answer) said.push(`${answer} ${at / 1000}`);
  }
  return said;
}

interface State {
  nowMs: number;
  atMs: number;
  running: number;
  fetching: boolean;
  quiet: boolean;
  oldestMs: number;
  silentMs: number;
}

function look({
  nowMs = 0,
  atMs = 0,
  running = 1,
  fetching = false,
  quiet = false,
  oldestMs = 60_000,
  silentMs = 0,
}: Partial<State>): Look {
  const sample = (name: string, value: number) => ({
    name,
    kind: "gauge" as const,
    help: "",
    labels: {},
    value,
  });
  return {
    nowMs,
    quiet,
    silentMs,
    counts: [
      { queue: "empty", oldestMs: 0 },
      { queue: "full", oldestMs },
    ],
    samples: [
      sample("trivet_jobs_fetched_total", fetching ? atMs : 7),
      sample("trivet_jobs_running", running),
      sample("trivet_jobs_slots", 10),
    ],
  };
}

test("jobs wait, there is room, none is fetched: claims are made anew, then health complains", () => {
  const watch = new WorkWatch();
  expect(over(watch, 14)).toEqual(["refetch 10"]);
  expect(watch.complaint()).toBeUndefined();
  expect(over(watch, 5, {}, { nowMs: 15_000 })).toEqual(["refetch 2.5"]);
  expect(watch.complaint()).toMatch(/^jobs wait in queue full and no worker here has fetched one for 1\d s$/);
  watch.look(look({ nowMs: 30_000, fetching: true, atMs: 1 }));
  expect(watch.complaint()).toBeUndefined();
});

test.each([
  ["jobs are fetched", { fetching: true }],
  ["all slots are taken", { running: 10 }],
  ["it is quiet", { quiet: true }],
  ["nothing waits", { oldestMs: 0 }],
  ["what waits has just come", { oldestMs: 1_000 }],
] as [string, Partial<State>][])("no complaint when %s", (_, what) => {
  const watch = new WorkWatch();
  expect(over(watch, 60, what)).toEqual([]);
  expect(watch.complaint()).toBeUndefined();
});

test("handlers that block every process are complained of, whatever was last heard of their slots", () => {
  const watch = new WorkWatch();
  const state = { nowMs: 0 };
  expect(over(watch, 20, { running: 10, silentMs: 6_000 }, state)).toEqual([]);
  expect(watch.complaint()).toMatch(/for \d+ s: a handler blocks every worker process$/);
  expect(over(watch, 2, { running: 10 }, state)).toEqual([]);
  expect(watch.complaint()).toBeUndefined();
});

test("the silence of workers is that of those at work: one that takes long to start blocks nothing", () => {
  const child = (state: "starting" | "ready" | "draining", silentMs: number) => ({ state, silentMs });
  expect(silenceOf([child("ready", 9_000), child("ready", 6_000)])).toBe(6_000);
  expect(silenceOf([child("starting", 30_000)])).toBe(0);
  expect(silenceOf([child("draining", 30_000), child("ready", 100)])).toBe(100);
  expect(silenceOf([])).toBe(0);
});
