import type { Sample } from "../metrics.ts";
import type { ChildKind } from "./message.ts";
import type { RecycleReason } from "./recycle.ts";

/** What happened to the children of one kind, as counters. */
export class FleetCounts {
  restarts = 0;
  readonly #kind: ChildKind;
  readonly #recycles: Map<RecycleReason, number>;

  /** `reasons`: for which children of this kind can be replaced. */
  constructor(kind: ChildKind, reasons: readonly RecycleReason[]) {
    this.#kind = kind;
    this.#recycles = new Map(reasons.map((reason) => [reason, 0]));
  }

  recycled(reason: RecycleReason): void {
    this.#recycles.set(reason, (this.#recycles.get(reason) ?? 0) + 1);
  }

  samples(): Sample[] {
    const counter = (name: string, help: string, value: number, labels = {}): Sample => ({
      name: `trivet_${this.#kind}_${name}_total`,
      kind: "counter",
      help,
      labels,
      value,
    });
    return [
      counter("restarts", "Children that died and were started again", this.restarts),
      ...[...this.#recycles].map(([reason, value]) =>
        counter("recycles", "Children replaced, by reason; a hung one is killed first", value, { reason }),
      ),
    ];
  }
}
