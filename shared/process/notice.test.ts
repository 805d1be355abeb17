import { expect, test } from "bun:test";
import { readNotice } from "./notice.ts";

const SAMPLE = { name: "trivet_a_total", kind: "counter", help: "A.", labels: { a: "b" }, value: 1 };
const HISTOGRAM = { ...SAMPLE, kind: "histogram", bounds: [1, 2], buckets: [0, 1, 2] };

test.each<unknown>([
  { kind: "ready" },
  { kind: "failed", sentence: "no luck" },
  { kind: "leave", reason: "max_requests" },
  { kind: "beat", samples: [] },
  { kind: "beat", samples: [SAMPLE, HISTOGRAM, { ...SAMPLE, kind: "gauge", peak: true }] },
  { kind: "report", ask: 1, samples: [SAMPLE] },
  { kind: "report", ask: 1, samples: [], detail: { running: 2, on: true, what: "x" } },
  { kind: "room", body: { any: [1] } },
])("a notice is read as it is: %j", (notice) => {
  expect(readNotice(notice) as unknown).toEqual(notice);
});

const NONE: unknown[] = [
  null,
  undefined,
  true,
  1,
  "ready",
  [],
  [{ kind: "ready" }],
  {},
  { kind: null },
  { kind: "boot" },
  { kind: "constructor" },
  { kind: "failed" },
  { kind: "failed", sentence: { toString: 1 } },
  { kind: "leave" },
  { kind: "leave", reason: "hang" },
  { kind: "leave", reason: ["term"] },
  { kind: "beat" },
  { kind: "beat", samples: {} },
  { kind: "beat", samples: [null] },
  { kind: "beat", samples: [SAMPLE, { ...SAMPLE, name: "a b" }] },
  { kind: "beat", samples: [{ ...SAMPLE, help: "A.\nforged_total 1" }] },
  { kind: "beat", samples: [{ ...SAMPLE, kind: "summary" }] },
  { kind: "beat", samples: [{ ...SAMPLE, value: "1" }] },
  { kind: "beat", samples: [{ ...SAMPLE, labels: null }] },
  { kind: "beat", samples: [{ ...SAMPLE, labels: { a: 1 } }] },
  { kind: "beat", samples: [{ ...SAMPLE, labels: { 'a"': "b" } }] },
  { kind: "beat", samples: [{ ...HISTOGRAM, buckets: [1] }] },
  { kind: "beat", samples: [{ ...HISTOGRAM, buckets: [0, 1, "2"] }] },
  { kind: "beat", samples: [{ ...HISTOGRAM, bounds: null }] },
  { kind: "report", ask: "1", samples: [] },
  { kind: "report", samples: [] },
  { kind: "report", ask: 1, samples: [], detail: null },
  { kind: "report", ask: 1, samples: [], detail: { deep: {} } },
  { kind: "report", ask: 1, samples: [], detail: { "a\n": 1 } },
];

test.each(NONE.map((value) => ({ value })))("what is no notice is none: %j", ({ value }) => {
  expect(readNotice(value)).toBeUndefined();
});

test("of a notice only what belongs to it is kept, and what terminals obey is shown", () => {
  expect(readNotice({ kind: "ready", more: 1 })).toEqual({ kind: "ready" });
  expect(readNotice({ kind: "failed", sentence: "\x1b[2Ja\nb\x07\x9b" })).toEqual({
    kind: "failed",
    sentence: "\\x1b[2Ja\nb\\x07\\x9b",
  });
  const long = readNotice({ kind: "failed", sentence: "x".repeat(1_000_000) });
  expect(JSON.stringify(long).length).toBeLessThan(10_000);
});

test("a number that JSON can't write counts nothing", () => {
  expect(
    readNotice(JSON.parse(JSON.stringify({ kind: "beat", samples: [{ ...SAMPLE, value: Number.NaN }] }))),
  ).toEqual({
    kind: "beat",
    samples: [{ ...SAMPLE, value: 0 }] as never,
  });
});
