import { isJsonObject } from "./json_object.ts";
import type { Labels, Sample, SampleKind } from "./metrics.ts";

const KINDS: readonly SampleKind[] = ["counter", "gauge", "histogram"];
/** The data model of Prometheus, less what ours never have: https://prometheus.io/docs/concepts/data_model/ */
const NAME = /^[a-z][a-z0-9_]{0,99}$/;
const HELP = /^[^\n\r]{0,1000}$/;
const LABEL_CHARS_MAX = 16_384;
const LABELS_MAX = 10;
const BUCKETS_MAX = 100;

/** A sample that another process has sent; undefined when it is none. */
export function readSample(value: unknown): Sample | undefined {
  if (!isJsonObject(value)) return undefined;
  const { name, kind: given, help, labels, buckets, bounds } = value;
  // JSON says null for what is no number, or none that can be written.
  const number = value["value"] ?? 0;
  const kind = KINDS.find((known) => known === given);
  if (!kind || typeof number !== "number") return undefined;
  if (typeof name !== "string" || !NAME.test(name)) return undefined;
  if (typeof help !== "string" || !HELP.test(help) || !areLabels(labels)) return undefined;
  const sample = { name, kind, help, labels, value: number };
  if (kind === "gauge" && value["peak"] === true) return { ...sample, peak: true };
  if (kind !== "histogram") return sample;
  if (!areNumbers(buckets) || !areNumbers(bounds) || buckets.length !== bounds.length + 1) return undefined;
  return { ...sample, buckets, bounds };
}

function areLabels(labels: unknown): labels is Labels {
  if (!isJsonObject(labels)) return false;
  const entries = Object.entries(labels);
  if (entries.length > LABELS_MAX) return false;
  return entries.every(
    ([name, text]) => NAME.test(name) && typeof text === "string" && text.length <= LABEL_CHARS_MAX,
  );
}

function areNumbers(values: unknown): values is number[] {
  if (!Array.isArray(values) || values.length > BUCKETS_MAX) return false;
  return values.every((value) => typeof value === "number");
}
