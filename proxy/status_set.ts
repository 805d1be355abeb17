/** Statuses such as "2xx,3xx" or "200,204-206". */
export class StatusSet {
  readonly #ranges: readonly (readonly [number, number])[];

  constructor(text: string) {
    this.#ranges = text.split(",").map((part) => rangeOf(part.trim()));
  }

  has(status: number): boolean {
    return this.#ranges.some(([first, last]) => status >= first && status <= last);
  }
}

function rangeOf(part: string): readonly [number, number] {
  const [from = "", to = from] = part.split("-");
  return [Number(from.replaceAll("x", "0")), Number(to.replaceAll("x", "9"))];
}
