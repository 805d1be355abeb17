import type { Exchange } from "./exchange_state.ts";

interface Paused {
  exchange: Exchange;
  /** Records are used again: whether it is still the same exchange. */
  id: number;
  untilMs: number;
}

/** Exchanges that go on after the same short while, with one timer for all. */
export class Pauses {
  readonly #pauseMs: number;
  readonly #resume: (exchange: Exchange) => void;
  #paused: Paused[] = [];

  constructor(pauseMs: number, resume: (exchange: Exchange) => void) {
    this.#pauseMs = pauseMs;
    this.#resume = resume;
  }

  add(exchange: Exchange): void {
    this.#paused.push({ exchange, id: exchange.id, untilMs: performance.now() + this.#pauseMs });
    if (this.#paused.length === 1) this.#wakeIn(this.#pauseMs);
  }

  #wakeIn(ms: number): void {
    setTimeout(() => this.#wake(), Math.max(1, ms));
  }

  #wake(): void {
    const nowMs = performance.now();
    const due = this.#paused.findIndex(({ untilMs }) => untilMs > nowMs);
    const over = this.#paused.splice(0, due < 0 ? this.#paused.length : due);
    for (const { exchange, id } of over) {
      // Its client may have left.
      if (exchange.id === id && exchange.session.exchange === exchange) this.#resume(exchange);
    }
    const [next] = this.#paused;
    if (next) this.#wakeIn(next.untilMs - nowMs);
  }
}
