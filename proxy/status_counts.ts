import type { Counter, Labels, Metrics } from "../shared/metrics.ts";

/** Answers by the first digit of their status. */
export class StatusCounts {
  readonly #classes: readonly Counter[];

  constructor(metrics: Metrics, name: string, help: string, labels: Labels) {
    const classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
    this.#classes = classes.map((status) =>
      metrics.counter(name, `${help} By status class.`, { ...labels, status }),
    );
  }

  count(status: number): void {
    const counter = this.#classes[Math.trunc(status / 100) - 1];
    if (counter) counter.value++;
  }
}
