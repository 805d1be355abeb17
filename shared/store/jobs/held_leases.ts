import type { Claim, Lease } from "./job.ts";

/**
 * A command that was on its way when its connection was given up may still be carried out later: after a freeze, or
 * from a network that held it back. So a doubt is looked into at once and again.
 */
const LOOKS_AFTER_MS = [0, 3_000, 30_000];

/**
 * What this process knows it holds, so that after a lost answer it can tell the jobs it never got from those it is
 * working on.
 */
export class HeldLeases {
  /** By queue. */
  readonly #fences = new Map<string, Set<string>>();
  /** When to look, by queue and owner. */
  readonly #looks = new Map<string, number[]>();

  /** Notes a claim that has arrived. */
  take(claim: Claim): Claim {
    for (const { queue, fence } of claim.jobs) this.#of(queue).add(fence);
    for (const { queue, fence } of claim.broken) this.#of(queue).add(fence);
    return claim;
  }

  drop(leases: readonly Lease[]): void {
    for (const { queue, fence } of leases) this.#of(queue).delete(fence);
  }

  /** The part of `owned` that never arrived here. */
  missing(owned: Claim): Claim {
    const unknown = ({ queue, fence }: { queue: string; fence: string }) => !this.#of(queue).has(fence);
    return { jobs: owned.jobs.filter(unknown), broken: owned.broken.filter(unknown) };
  }

  /** A claim's answer may be lost. */
  doubt(queue: string, owner: string): void {
    const nowMs = performance.now();
    this.#looks.set(
      keyOf(queue, owner),
      LOOKS_AFTER_MS.map((afterMs) => nowMs + afterMs),
    );
  }

  /** It is time to ask the store what the owner holds. */
  inDoubt(queue: string, owner: string): boolean {
    const next = this.#looks.get(keyOf(queue, owner))?.[0];
    return next !== undefined && next <= performance.now();
  }

  /** The store was asked. */
  clear(queue: string, owner: string): void {
    const key = keyOf(queue, owner);
    const nowMs = performance.now();
    const later = this.#looks.get(key)?.filter((atMs) => atMs > nowMs) ?? [];
    if (later.length > 0) this.#looks.set(key, later);
    else this.#looks.delete(key);
  }

  #of(queue: string): Set<string> {
    const known = this.#fences.get(queue);
    if (known) return known;
    const fences = new Set<string>();
    this.#fences.set(queue, fences);
    return fences;
  }
}

function keyOf(queue: string, name: string): string {
  return `${queue} ${name}`;
}
