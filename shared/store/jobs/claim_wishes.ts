import type { Claim } from "./job.ts";

/** A claim that found nothing and waits. */
export interface ClaimWish {
  readonly owner: string;
  /** Jobs at most. */
  readonly max: number;
  /** Only of those that run alone. */
  readonly alone: boolean;
  /** What it was given while it waited. */
  found: Claim | undefined;
}

/** Claims that wait, by queue, the longest waiting first. */
export class ClaimWishes {
  readonly #byQueue = new Map<string, Set<ClaimWish>>();

  add(queue: string, wish: ClaimWish): void {
    const wishes = this.#byQueue.get(queue) ?? new Set();
    wishes.add(wish);
    this.#byQueue.set(queue, wishes);
  }

  remove(queue: string, wish: ClaimWish): void {
    const wishes = this.#byQueue.get(queue);
    wishes?.delete(wish);
    if (wishes?.size === 0) this.#byQueue.delete(queue);
  }

  /** Those that were given nothing yet. */
  open(queue: string): ClaimWish[] {
    return [...(this.#byQueue.get(queue) ?? [])].filter(({ found }) => found === undefined);
  }
}
