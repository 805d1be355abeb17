import type { Counter, Histogram, Metrics } from "../shared/metrics.ts";
import type { Exchange } from "./exchange_state.ts";

const STATUS_CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/** What one data-plane process counts. */
export class EdgeCounts {
  readonly connections: Counter;
  readonly open;
  readonly retries: Counter;
  readonly #metrics: Metrics;
  readonly #seconds: Histogram;
  readonly #bytes: Counter;
  /** By backend, then by the first digit of the status. */
  readonly #requests = new Map<string, Counter[]>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.connections = metrics.counter("trivet_proxy_connections_total", "Client connections accepted.");
    this.open = metrics.gauge("trivet_proxy_connections_open", "Client connections open now.");
    this.retries = metrics.counter(
      "trivet_proxy_retries_total",
      "Requests given to a server again after a failed attempt.",
    );
    this.#seconds = metrics.histogram(
      "trivet_proxy_request_seconds",
      "From the request's head to the end of the response.",
    );
    this.#bytes = metrics.counter(
      "trivet_proxy_response_bytes_total",
      "Bytes of responses sent to clients, heads included.",
    );
  }

  ended(exchange: Exchange, durationMs: number): void {
    const backend = exchange.route?.backend.name ?? "";
    const classes = this.#requests.get(backend) ?? this.#addBackend(backend);
    const counter = classes[Math.trunc(exchange.status / 100) - 1];
    if (counter) counter.value++;
    this.#seconds.observe(durationMs / 1000);
    this.#bytes.value += exchange.responseBytes;
  }

  #addBackend(backend: string): Counter[] {
    const classes = STATUS_CLASSES.map((status) =>
      this.#metrics.counter("trivet_proxy_requests_total", "Exchanges ended, by backend and status class.", {
        backend,
        status,
      }),
    );
    this.#requests.set(backend, classes);
    return classes;
  }
}
