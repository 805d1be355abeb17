import type { Claim, Settlement } from "./job.ts";

/**
 * What this process knows it holds, so that after a lost answer it can tell the jobs it never got from those it is
 * working on.
 */
export class HeldLeases {
  readonly #fences = new Set<string>();
  readonly #doubted = new Set<string>();

  /** Notes a claim that has arrived. */
  take(claim: Claim): Claim {
    for (const { queue, fence } of [...claim.jobs, ...claim.broken]) this.#fences.add(keyOf(queue, fence));
    return claim;
  }

  drop(settlements: readonly Settlement[]): void {
    for (const { queue, fence } of settlements) this.#fences.delete(keyOf(queue, fence));
  }

  /** The part of `owned` that never arrived here. */
  missing(owned: Claim): Claim {
    const unknown = ({ queue, fence }: { queue: string; fence: string }) =>
      !this.#fences.has(keyOf(queue, fence));
    return { jobs: owned.jobs.filter(unknown), broken: owned.broken.filter(unknown) };
  }

  /** A claim's answer may be lost. */
  doubt(queue: string, owner: string): void {
    this.#doubted.add(keyOf(queue, owner));
  }

  inDoubt(queue: string, owner: string): boolean {
    return this.#doubted.has(keyOf(queue, owner));
  }

  clear(queue: string, owner: string): void {
    this.#doubted.delete(keyOf(queue, owner));
  }
}

function keyOf(queue: string, name: string): string {
  return `${queue} ${name}`;
}
