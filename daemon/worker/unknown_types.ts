import type { Sample } from "../../shared/metrics.ts";
import { UNKNOWN } from "./worker_metrics.ts";

/** Longer than such a job is put back for, but where there are thousands of them. */
const FORGET_AFTER_MS = 20_000;
/** A rollout goes through such a time. */
const COMPLAIN_AFTER_MS = 15_000;
const NAMED_MAX = 5;

/** Jobs of this type come, and no handler here is named so. */
export interface UnknownType {
  queue: string;
  type: string;
  /** Since the first of them. */
  forMs: number;
}

interface Sighting extends Omit<UnknownType, "forMs"> {
  count: number;
  /** Undefined: none came for a while. */
  sinceMs: number | undefined;
  latestMs: number;
}

/** Which types the workers here have no handler for, by what they count. */
export class UnknownTypes {
  readonly #seen = new Map<string, Sighting>();

  look(samples: readonly Sample[], nowMs: number): void {
    for (const { name, labels, value } of samples) {
      if (name !== UNKNOWN) continue;
      const { queue = "", type = "" } = labels;
      const key = `${queue} ${type}`;
      const known = this.#seen.get(key);
      if (known?.count === value) continue;
      this.#seen.set(key, { queue, type, count: value, sinceMs: known?.sinceMs ?? nowMs, latestMs: nowMs });
    }
    for (const sighting of this.#seen.values()) {
      if (nowMs - sighting.latestMs > FORGET_AFTER_MS) sighting.sinceMs = undefined;
    }
  }

  list(nowMs: number): UnknownType[] {
    return [...this.#seen.values()].flatMap(({ queue, type, sinceMs }) =>
      sinceMs === undefined ? [] : [{ queue, type, forMs: Math.round(nowMs - sinceMs) }],
    );
  }

  /** Undefined when all is well, or may be in a moment. */
  complaint(nowMs: number): string | undefined {
    const types = this.list(nowMs).filter(({ forMs }) => forMs >= COMPLAIN_AFTER_MS);
    if (types.length === 0) return undefined;
    const names = types
      .slice(0, NAMED_MAX)
      .map(({ queue, type }) => `${JSON.stringify(type)} (queue ${queue})`);
    const more = types.length > NAMED_MAX ? ` and ${types.length - NAMED_MAX} more` : "";
    return `jobs wait whose type has no handler here: ${names.join(", ")}${more}: start a worker that has one, or remove them with trivet jobs kill`;
  }
}
