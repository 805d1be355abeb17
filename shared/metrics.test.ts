import { expect, test } from "bun:test";
import { Metrics, Peak, type Sample, sumSamples, toPrometheus } from "./metrics.ts";

function sample(name: string, value: number, labels: Record<string, string> = {}): Sample {
  return { name, kind: "counter", help: "", labels, value };
}

test("asking twice for a series gives the same instrument", () => {
  const metrics = new Metrics();
  metrics.counter("a_total", "a", { server: "x" }).value++;
  metrics.counter("a_total", "a", { server: "x" }).value++;
  metrics.counter("a_total", "a", { server: "y" }).value = 5;
  expect(metrics.samples().map(({ labels, value }) => [labels["server"], value])).toEqual([
    ["x", 2],
    ["y", 5],
  ]);
});

test("a bucket holds what is at most its bound; the last one all that is larger", () => {
  const metrics = new Metrics();
  const seconds = metrics.histogram("a_seconds", "a", {}, [1, 2]);
  for (const value of [0, 1, 1.1, 2, 2.1, 100]) seconds.observe(value);
  expect(metrics.samples()[0]).toMatchObject({ kind: "histogram", buckets: [2, 2, 2], bounds: [1, 2] });
  expect(metrics.samples()[0]?.value).toBeCloseTo(106.2);
});

test("sums series by series, in the order they first came, and changes no sample", () => {
  const first = [sample("a", 1), sample("b", 2, { x: "1" })];
  const second = [sample("b", 3, { x: "2" }), sample("b", 4, { x: "1" }), sample("a", 5)];
  const sums = sumSamples([...first, ...second]);
  expect(sums.map(({ name, labels, value }) => [name, labels["x"], value])).toEqual([
    ["a", undefined, 6],
    ["b", "1", 6],
    ["b", "2", 3],
  ]);
  expect(first[0]?.value).toBe(1);
});

test("sums histograms bucket by bucket, and changes no sample", () => {
  const one: Sample = { ...sample("h", 3), kind: "histogram", buckets: [1, 0, 2], bounds: [1, 2] };
  const two: Sample = { ...sample("h", 4), kind: "histogram", buckets: [0, 5, 1], bounds: [1, 2] };
  expect(sumSamples([one, two])).toMatchObject([{ value: 7, buckets: [1, 5, 3] }]);
  expect(one.buckets).toEqual([1, 0, 2]);
});

test("writes Prometheus text: one head a family, cumulative buckets, escaped labels", () => {
  const metrics = new Metrics();
  metrics.counter("trivet_a_total", "Requests.", { path: 'a"b\\c\nd' }).value = 2;
  metrics.gauge("trivet_open", "Open now.").value = 3;
  metrics.counter("trivet_a_total", "Requests.", { path: "e" }).value = 1;
  metrics.histogram("trivet_seconds", "Time.", { route: "r" }, [0.5, 1]).observe(0.7);
  expect(toPrometheus(metrics.samples())).toBe(`# HELP trivet_a_total Requests.
# TYPE trivet_a_total counter
trivet_a_total{path="a\\"b\\\\c\\nd"} 2
trivet_a_total{path="e"} 1
# HELP trivet_open Open now.
# TYPE trivet_open gauge
trivet_open 3
# HELP trivet_seconds Time.
# TYPE trivet_seconds histogram
trivet_seconds_bucket{route="r",le="0.5"} 0
trivet_seconds_bucket{route="r",le="1"} 1
trivet_seconds_bucket{route="r",le="+Inf"} 1
trivet_seconds_sum{route="r"} 0.7
trivet_seconds_count{route="r"} 1
`);
});

test("nothing measured is no text", () => {
  expect(toPrometheus([])).toBe("");
});

test("series of one name are limited: the rest is counted together, in a process and over all", () => {
  const metrics = new Metrics(2);
  for (const route of ["a", "b", "c", "d", "a"]) metrics.counter("n_total", "", { route }).value++;
  metrics.counter("m_total", "", { route: "z" }).value++;
  const shown = (samples: readonly Sample[]) =>
    samples.map(({ name, labels, value }) => [name, labels["route"], value]);
  expect(shown(metrics.samples())).toEqual([
    ["n_total", "a", 2],
    ["n_total", "b", 1],
    ["n_total", "other", 2],
    ["m_total", "z", 1],
  ]);
  const more = ["x", "b"].map(
    (route) => ({ ...metrics.samples()[0], labels: { route }, value: 1 }) as Sample,
  );
  expect(shown(sumSamples([...metrics.samples(), ...more], 2))).toEqual([
    ["n_total", "a", 2],
    ["n_total", "b", 2],
    ["n_total", "other", 3],
    ["m_total", "z", 1],
  ]);
});

test("names of series are limited too: a process can't fill the memory of the one that sums", () => {
  const sample = { kind: "counter", help: "", labels: {}, value: 1 } as const;
  const many = Array.from({ length: 3000 }, (_, i) => ({ ...sample, name: `n${i % 1500}_total` }));
  const sums = sumSamples(many);
  expect(sums).toHaveLength(1000);
  expect(sums.every(({ value }) => value === 2)).toBe(true);
});

test("a peak is the largest of the last minute, and of all processes", () => {
  const peak = new Peak();
  const nowMs = performance.now();
  peak.note(3);
  peak.note(2);
  expect(peak.valueAt(nowMs)).toBe(3);
  peak.note(1);
  expect(peak.valueAt(nowMs + 60_000)).toBe(3);
  peak.note(1);
  expect(peak.valueAt(nowMs + 75_000)).toBe(1);
  expect(peak.valueAt(nowMs + 10_000_000)).toBe(0);
  const [one, other] = [new Metrics(), new Metrics()];
  one.peak("p", "Peak.").note(2);
  other.peak("p", "Peak.").note(5);
  expect(sumSamples([...one.samples(), ...other.samples()])).toMatchObject([{ kind: "gauge", value: 5 }]);
});
