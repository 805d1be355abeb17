import { expect, test } from "bun:test";
import { type CostRow, costTable, latencyTable, median, summary } from "./report.ts";

const row = (name: string, clientUs: number): CostRow => ({
  work: "process",
  name,
  cost: { jobs: 10, ms: 5, clientUs, serverUs: 100 },
});

test("the median is the round in the middle by CPU", () => {
  expect(median([row("a", 300), row("a", 100), row("a", 200)])?.cost.clientUs).toBe(200);
  expect(median([])).toBeUndefined();
});

test("costs are told a job, and as a multiple of the first contender's in the same round", () => {
  const rounds = [700, 300, 500].map((us) => [row("Trivet", 100), row("BullMQ", us)]);
  const [, , first = "", second = ""] = costTable(summary(rounds)).split("\n");
  expect(first).toBe("| process | Trivet | 10.0 | 10.0 | 50000 | 2000 |  |  |");
  expect(second).toBe("| process | BullMQ | 50.0 | 10.0 | 16667 | 2000 | 3.00× (2.00–4.00) |  |");
});

test("latencies by their percentiles", () => {
  const ms = Array.from({ length: 100 }, (_, i) => i);
  expect(latencyTable([{ name: "a", ms }]).split("\n")[2]).toBe("| a | 50.00 | 90.00 | 99.00 |");
});
