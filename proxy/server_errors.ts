/** What went wrong with one server: counted by what it was, and when it was so last. */
import type { Counter, Gauge, Labels, Metrics, Sample } from "../shared/metrics.ts";
import type { Ending, Exchange } from "./exchange_state.ts";

const TOTAL = "trivet_proxy_server_errors_total";
const LAST = "trivet_proxy_server_last_error_seconds";
const FIRST_SERVER_FAULT = 500;

/** Of one server, in one data-plane process. Errors are rare: their series are made when they come. */
export class ServerErrors {
  readonly #metrics: Metrics;
  readonly #labels: Labels;
  readonly #known = new Map<string, { total: Counter; last: Gauge }>();

  constructor(metrics: Metrics, labels: Labels) {
    this.#metrics = metrics;
    this.#labels = labels;
  }

  /** `reason`: an Ending, the rule that was broken with it, or a status. */
  note(reason: string): void {
    let known = this.#known.get(reason);
    if (known === undefined) {
      const labels = { ...this.#labels, reason };
      known = {
        total: this.#metrics.counter(
          TOTAL,
          "Answers with 5xx, and attempts that failed, by what it was.",
          labels,
        ),
        last: this.#metrics.latest(LAST, "When that was so last, in seconds since 1970.", labels),
      };
      this.#known.set(reason, known);
    }
    known.total.value++;
    known.last.value = Date.now() / 1000;
  }

  answered(status: number): void {
    if (status >= FIRST_SERVER_FAULT) this.note(String(status));
  }
}

/** As `trivet backend ls` shows them. */
export interface ServerErrorsView {
  /** Answers with 5xx. */
  "5xx": number;
  /** Connections that could not be made. */
  refused: number;
  /** No connection, or no answer, in time. */
  timeouts: number;
  /** Answers that broke off, or were not valid HTTP. */
  broken: number;
  last?: { reason: string; atMs: number };
}

/** `samples` of all data-plane processes. */
export function serverErrorsView(
  samples: readonly Sample[],
  backend: string,
  server: string,
): ServerErrorsView {
  const view: ServerErrorsView = { "5xx": 0, refused: 0, timeouts: 0, broken: 0 };
  for (const { name, labels, value } of samples) {
    if (labels["backend"] !== backend || labels["server"] !== server) continue;
    const { reason = "" } = labels;
    if (name === TOTAL) view[kindOf(reason)] += value;
    if (name === LAST && value * 1000 > (view.last?.atMs ?? 0))
      view.last = { reason, atMs: Math.round(value * 1000) };
  }
  return view;
}

function kindOf(reason: string): "5xx" | "refused" | "timeouts" | "broken" {
  if (/^\d/.test(reason)) return "5xx";
  if (reason === "connect_failed") return "refused";
  return reason === "connect_timeout" || reason === "server_timeout" ? "timeouts" : "broken";
}

/** Of an answer that had begun. */
export function isServersFault(ending: Ending): boolean {
  return ending === "truncated" || ending === "bad_response" || ending === "server_timeout";
}

export function reasonOf({ fault }: Exchange, ending: Ending): string {
  return ending === "bad_response" ? `${ending}: ${fault}` : ending;
}
