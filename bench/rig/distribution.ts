/** Values of which percentiles are wanted; a few hundred thousand at most. */
export class Distribution {
  readonly #values: Float64Array;
  #count = 0;

  constructor(valuesMax: number) {
    this.#values = new Float64Array(valuesMax);
  }

  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    if (this.#count < this.#values.length) this.#values[this.#count++] = value;
  }

  /** `shares` between 0 and 1; 1 is the largest. NaN when nothing was added. */
  percentiles(shares: readonly number[]): number[] {
    const sorted = this.#values.slice(0, this.#count).sort();
    return shares.map((share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN);
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 ? high : (high + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
