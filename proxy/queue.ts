import { Gauge, Histogram, SECONDS_BUCKETS } from "../shared/metrics.ts";
import type { Exchange } from "./exchange_state.ts";

/** More than this in one process would only wait for their timeout. */
const WAITING_MAX = 10_000;

/** Requests of one backend that wait until one of its servers has room: first come, first served. */
export class Queue {
  readonly #waiting = new Map<Exchange, number>();
  readonly #length: Gauge;
  readonly #seconds: Histogram;

  constructor(length = new Gauge(), seconds = new Histogram(SECONDS_BUCKETS)) {
    this.#length = length;
    this.#seconds = seconds;
  }

  get length(): number {
    return this.#length.value;
  }

  /** False when too many wait already. */
  add(exchange: Exchange): boolean {
    if (this.#waiting.size >= WAITING_MAX) return false;
    this.#waiting.set(exchange, performance.now());
    this.#length.value = this.#waiting.size;
    return true;
  }

  first(): Exchange | undefined {
    const { value } = this.#waiting.keys().next();
    return value;
  }

  /** It has a server, or gave up. */
  remove(exchange: Exchange): void {
    const sinceMs = this.#waiting.get(exchange);
    if (sinceMs === undefined) return;
    this.#waiting.delete(exchange);
    this.#length.value = this.#waiting.size;
    this.#seconds.observe((performance.now() - sinceMs) / 1000);
  }
}
