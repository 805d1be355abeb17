import type { Counter, Gauge, Metrics } from "../shared/metrics.ts";
import type { Ending, Exchange } from "./exchange_state.ts";
import { RouteCounts } from "./route_counts.ts";

/** What one data-plane process counts of its connections; of requests, by their routes. */
export class EdgeCounts {
  readonly connections: Counter;
  readonly open: Gauge;
  readonly retries: Counter;
  readonly redispatches: Counter;
  readonly #bytesIn: Counter;
  readonly #bytesOut: Counter;
  readonly #metrics: Metrics;
  /** Requests that no route takes. */
  readonly #unrouted: RouteCounts;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.connections = metrics.counter("trivet_proxy_connections_total", "Client connections accepted.");
    this.open = metrics.gauge("trivet_proxy_connections_open", "Client connections open now.");
    this.retries = metrics.counter(
      "trivet_proxy_retries_total",
      "Requests given to a server again after a failed attempt.",
    );
    this.redispatches = metrics.counter(
      "trivet_proxy_redispatches_total",
      "Requests that ended on another server than the first they were given to.",
    );
    this.#bytesIn = metrics.counter("trivet_proxy_request_bytes_total", "Bytes of request bodies.");
    this.#bytesOut = metrics.counter(
      "trivet_proxy_response_bytes_total",
      "Bytes of responses sent to clients, heads included.",
    );
    this.#unrouted = new RouteCounts(metrics, "", "");
  }

  /** The instruments of a route: the same ones for the same route after a reload. */
  ofRoute(route: string, backend: string): RouteCounts {
    return new RouteCounts(this.#metrics, route, backend);
  }

  ended(exchange: Exchange, ending: Ending, durationMs: number): void {
    (exchange.route?.counts ?? this.#unrouted).ended(exchange, ending, durationMs);
    this.#bytesIn.value += exchange.requestBody.bytes;
    this.#bytesOut.value += exchange.responseBytes;
    if (exchange.redispatched) this.redispatches.value++;
    // An answer of our own is not the server's.
    if (exchange.server !== null && exchange.firstByteMs >= 0)
      exchange.server.counters.answered(exchange.status);
  }
}
