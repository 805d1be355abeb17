import type { Counter, Histogram, Metrics, Peak } from "../shared/metrics.ts";
import type { Ending, Exchange } from "./exchange_state.ts";
import { StatusCounts } from "./status_counts.ts";

export const LONGEST = "trivet_proxy_request_seconds_longest";

/** What is counted of the requests of one route. */
export class RouteCounts {
  readonly #metrics: Metrics;
  readonly #labels: { route: string; backend: string };
  readonly #statuses: StatusCounts;
  readonly #total: Histogram;
  readonly #longest: Peak;
  readonly #connect: Histogram;
  readonly #response: Histogram;
  readonly #endings = new Map<Ending, Counter>();

  constructor(metrics: Metrics, route: string, backend: string) {
    this.#metrics = metrics;
    this.#labels = { route, backend };
    const histogram = (name: string, help: string) =>
      metrics.histogram(`trivet_proxy_${name}`, help, { backend });
    this.#statuses = new StatusCounts(
      metrics,
      "trivet_proxy_requests_total",
      "Exchanges ended.",
      this.#labels,
    );
    this.#total = histogram(
      "request_seconds",
      "From the whole head of the request to the end of the response.",
    );
    this.#longest = metrics.peak(LONGEST, "The longest request of the last minute.", { backend });
    this.#connect = histogram("connect_seconds", "Until a connection to a server was there.");
    this.#response = histogram("response_seconds", "From there to the head of the server's answer.");
  }

  ended(exchange: Exchange, ending: Ending, durationMs: number): void {
    const { status, startMs, dispatchedMs, connectedMs, firstByteMs } = exchange;
    this.#statuses.count(status);
    this.#total.observe(durationMs / 1000);
    this.#longest.note(durationMs / 1000);
    if (connectedMs >= 0) this.#connect.observe((connectedMs - dispatchedMs) / 1000);
    if (firstByteMs >= 0) this.#response.observe((startMs + firstByteMs - connectedMs) / 1000);
    if (ending !== "done") this.#badEnd(ending).value++;
  }

  #badEnd(ending: Ending): Counter {
    const known = this.#endings.get(ending);
    if (known) return known;
    const help = "Exchanges that did not end as they should: who left, who failed, what ran out.";
    const counter = this.#metrics.counter("trivet_proxy_failures_total", help, {
      ...this.#labels,
      ended: ending,
    });
    this.#endings.set(ending, counter);
    return counter;
  }
}
