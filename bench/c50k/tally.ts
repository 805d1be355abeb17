import { Distribution } from "../rig/distribution.ts";
import type { CrowdMessage } from "./message.ts";

export interface Progress {
  asked: number;
  held: number;
  answered: number;
  failed: number;
}

/** Adds up what the children tell. */
export class CrowdTally {
  readonly times: Distribution;
  readonly reasons = new Map<string, number>();
  /** The most requests that the origins held at one moment. */
  heldMost = 0;
  readonly #origins: number;
  readonly #loads = new Map<number, { asked: number; answered: number; failed: number }>();
  readonly #held = new Map<number, number>();
  readonly #ticks = new Map<number, { origins: number; held: number }>();
  #done = 0;

  constructor(requests: number, origins: number) {
    this.times = new Distribution(requests);
    this.#origins = origins;
  }

  /** Loads that have ended. */
  get done(): number {
    return this.#done;
  }

  get progress(): Progress {
    const sum = (values: Iterable<number>) => [...values].reduce((all, one) => all + one, 0);
    const loads = [...this.#loads.values()];
    return {
      asked: sum(loads.map(({ asked }) => asked)),
      held: sum(this.#held.values()),
      answered: sum(loads.map(({ answered }) => answered)),
      failed: sum(loads.map(({ failed }) => failed)),
    };
  }

  take(message: CrowdMessage): void {
    if (message.kind === "asked") this.#loads.set(message.load, message);
    else if (message.kind === "held") this.#count(message.origin, message.tick, message.held);
    else {
      this.#done++;
      for (const ms of message.timesMs) this.times.add(ms);
      for (const [reason, count] of Object.entries(message.reasons)) {
        this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + count);
      }
    }
  }

  #count(origin: number, number: number, held: number): void {
    this.#held.set(origin, held);
    const tick = this.#ticks.get(number) ?? { origins: 0, held: 0 };
    tick.origins++;
    tick.held += held;
    this.#ticks.set(number, tick);
    if (tick.origins < this.#origins) return;
    this.heldMost = Math.max(this.heldMost, tick.held);
    for (const old of this.#ticks.keys()) if (old <= number) this.#ticks.delete(old);
  }
}
