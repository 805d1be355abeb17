/** Counters, gauges and histograms of one process, and the sum of many as Prometheus text. */

export type Labels = Readonly<Record<string, string>>;
export type SampleKind = "counter" | "gauge" | "histogram";

/** One series at one moment, as children send it to their parent. */
export interface Sample {
  name: string;
  kind: SampleKind;
  help: string;
  labels: Labels;
  /** A counter's or gauge's value; a histogram's sum. */
  value: number;
  /** Observations a bucket, not cumulative; the last one is +Inf. */
  buckets?: number[];
  /** Upper bounds of the buckets, without +Inf. */
  bounds?: readonly number[];
  /** The gauge of several processes is the largest of theirs, not the sum. */
  peak?: true;
}

/** A plain number that only grows. Touch `value` directly: it stands in the request path. */
export class Counter {
  value = 0;
}

/** A number that goes up and down; gauges of a dead child are forgotten. */
export class Gauge {
  value = 0;
}

/** A moment, in seconds since 1970: of several processes the latest. */
export class Latest extends Gauge {}

/** Observations in fixed buckets. */
export class Histogram {
  sum = 0;
  readonly counts: Float64Array;
  readonly bounds: readonly number[];

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    this.sum += value;
    let i = 0;
    while (i < this.bounds.length && value > this.bounds[i]!) i++;
    this.counts[i]!++;
  }
}

/** A peak stands for the last minute, and up to ten seconds before it. */
const PEAK_SLOTS = 14;
const PEAK_SLOT_MS = 5000;

/** The largest value of the last minute. */
export class Peak {
  /** The largest since the last turn. */
  #now = 0;
  readonly #before = new Float64Array(PEAK_SLOTS);
  #turns = 0;
  #turnedMs = performance.now();

  note(value: number): void {
    if (value > this.#now) this.#now = value;
  }

  valueAt(nowMs: number): number {
    for (; nowMs - this.#turnedMs >= PEAK_SLOT_MS; this.#turnedMs += PEAK_SLOT_MS) {
      this.#before[this.#turns++ % PEAK_SLOTS] = this.#now;
      this.#now = 0;
    }
    return Math.max(this.#now, ...this.#before);
  }
}

type Instrument = Counter | Gauge | Histogram | Peak;
interface Entry {
  name: string;
  help: string;
  labels: Labels;
  instrument: Instrument;
}

/** Latency buckets in seconds, from half a millisecond to a minute. */
export const SECONDS_BUCKETS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Far more than a config names; reloads that bring other names again and again end here. */
export const SERIES_MAX = 10_000;
const OTHERS = "other";
/** A child tells of its own; whatever it calls them, there are no more. */
const NAMES_MAX = 1000;

/** Keys of series, at most `most` of a name: what comes after them is one series whose labels all say "other". */
class SeriesKeys {
  readonly #counts = new Map<string, number>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** The labels of a series that is not known yet. */
  labelsOf(name: string, labels: Labels): Labels {
    const count = this.#counts.get(name) ?? 0;
    if (count >= this.#most) return Object.fromEntries(Object.keys(labels).map((label) => [label, OTHERS]));
    this.#counts.set(name, count + 1);
    return labels;
  }
}

/** The instruments of one process. Asking twice for the same series gives the same instrument. */
export class Metrics {
  readonly #entries = new Map<string, Entry>();
  readonly #updates: (() => void)[] = [];
  readonly #keys: SeriesKeys;

  constructor(seriesMax = SERIES_MAX) {
    this.#keys = new SeriesKeys(seriesMax);
  }

  /** Runs before the samples are read, for gauges that are looked up rather than kept. */
  beforeSamples(update: () => void): void {
    this.#updates.push(update);
  }

  counter(name: string, help: string, labels: Labels = {}): Counter {
    return this.#entry(name, help, labels, () => new Counter()) as Counter;
  }

  gauge(name: string, help: string, labels: Labels = {}): Gauge {
    return this.#entry(name, help, labels, () => new Gauge()) as Gauge;
  }

  latest(name: string, help: string, labels: Labels = {}): Latest {
    return this.#entry(name, help, labels, () => new Latest()) as Latest;
  }

  histogram(name: string, help: string, labels: Labels = {}, bounds = SECONDS_BUCKETS): Histogram {
    return this.#entry(name, help, labels, () => new Histogram(bounds)) as Histogram;
  }

  peak(name: string, help: string, labels: Labels = {}): Peak {
    return this.#entry(name, help, labels, () => new Peak()) as Peak;
  }

  samples(): Sample[] {
    for (const update of this.#updates) update();
    return [...this.#entries.values()].map(toSample);
  }

  #entry(name: string, help: string, given: Labels, make: () => Instrument): Instrument {
    const known = this.#entries.get(seriesKey(name, given));
    if (known) return known.instrument;
    const labels = this.#keys.labelsOf(name, given);
    const key = seriesKey(name, labels);
    const others = this.#entries.get(key);
    if (others) return others.instrument;
    const instrument = make();
    this.#entries.set(key, { name, help, labels, instrument });
    return instrument;
  }
}

function toSample({ name, help, labels, instrument }: Entry): Sample {
  if (instrument instanceof Histogram) {
    const { sum: value, counts, bounds } = instrument;
    return { name, kind: "histogram", help, labels, value, buckets: [...counts], bounds };
  }
  if (instrument instanceof Peak) {
    return { name, kind: "gauge", help, labels, value: instrument.valueAt(performance.now()), peak: true };
  }
  return {
    name,
    kind: instrument instanceof Counter ? "counter" : "gauge",
    help,
    labels,
    value: instrument.value,
    ...(instrument instanceof Latest && { peak: true }),
  };
}

/**
 * Adds samples of the same series, of the first thousand names, and takes the largest of peaks; the result keeps the order
 * of first appearance.
 */
export function sumSamples(samples: Iterable<Sample>, seriesMax = SERIES_MAX): Sample[] {
  const sums = new Map<string, Sample>();
  const keys = new SeriesKeys(seriesMax);
  const names = new Set<string>();
  for (const sample of samples) {
    if (names.size < NAMES_MAX) names.add(sample.name);
    if (!names.has(sample.name)) continue;
    let sum = sums.get(seriesKey(sample.name, sample.labels));
    if (!sum) {
      const labels = keys.labelsOf(sample.name, sample.labels);
      const key = seriesKey(sample.name, labels);
      sum = sums.get(key);
      if (!sum) {
        sums.set(key, { ...sample, labels, ...(sample.buckets && { buckets: [...sample.buckets] }) });
        continue;
      }
    }
    sum.value = sample.peak ? Math.max(sum.value, sample.value) : sum.value + sample.value;
    const { buckets } = sum;
    sample.buckets?.forEach((n, i) => {
      if (buckets) buckets[i] = (buckets[i] ?? 0) + n;
    });
  }
  return [...sums.values()];
}

/** Prometheus text exposition, version 0.0.4. */
export function toPrometheus(samples: readonly Sample[]): string {
  const families = Map.groupBy(samples, (sample) => sample.name);
  let text = "";
  for (const [name, family] of families) {
    const first = family[0]!;
    text += `# HELP ${name} ${first.help}\n# TYPE ${name} ${first.kind}\n`;
    for (const sample of family)
      text += sample.buckets ? histogramLines(sample) : `${line(name, sample.labels, sample.value)}`;
  }
  return text;
}

function histogramLines({ name, labels, value, buckets = [], bounds = [] }: Sample): string {
  let text = "";
  let total = 0;
  for (let i = 0; i < buckets.length; i++) {
    total += buckets[i]!;
    text += line(`${name}_bucket`, { ...labels, le: i < bounds.length ? String(bounds[i]) : "+Inf" }, total);
  }
  return text + line(`${name}_sum`, labels, value) + line(`${name}_count`, labels, total);
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
  return `${name}${pairs.length ? `{${pairs.join(",")}}` : ""} ${value}\n`;
}

function escapeLabel(text: string): string {
  return text.replace(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`));
}

function seriesKey(name: string, labels: Labels): string {
  return `${name} ${JSON.stringify(labels)}`;
}
