import type { Case } from "./cases.ts";
import type { Tally } from "./tally.ts";

/** Clients of load.ts that have one request in flight each: no more can be lost with a node. */
const IN_FLIGHT_MAX = 14;

export interface Outcome {
  one: Case;
  tally: Tally;
  seconds: number;
  /** Why the case itself did not go as it should. */
  fault: string | undefined;
}

/** What is wrong with an outcome; "" when nothing is. */
export function complaintOf({ one, tally, fault }: Outcome): string {
  if (fault) return fault;
  if (tally.ok === 0) return "no request was answered: the load did not run";
  if (one.failures === "none" && tally.failed > 0)
    return `${tally.failed} requests failed: ${tally.reasons.join("; ")}`;
  if (one.failures === "in flight" && tally.failed > IN_FLIGHT_MAX)
    return `${tally.failed} requests failed, more than were in flight: ${tally.reasons.join("; ")}`;
  if (one.failures === "some" && tally.failed === 0)
    return "nothing failed: this test would not see a failure";
  return "";
}

export function tableOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => {
    const { one, tally, seconds } = outcome;
    const sorted = tally.latenciesMs.toSorted((a, b) => a - b);
    const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1);
    const cells = [
      tally.ok,
      tally.failed,
      tally.reconnects,
      at(0.5),
      at(0.99),
      tally.worstPauseMs.toFixed(0),
    ];
    return [one.name, ...cells, seconds.toFixed(0), complaintOf(outcome) === "" ? "as it should" : "NOT"];
  });
  const header = [
    "case",
    "answered",
    "failed",
    "sockets moved",
    "p50 ms",
    "p99 ms",
    "worst pause ms",
    "s",
    "verdict",
  ];
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
