/** In which order a worker looks into its queues. */

export interface QueueShare {
  name: string;
  weight: number;
}

/**
 * Smooth weighted round robin: the first of each order comes by weight and evenly spread, so that of queues which all
 * have jobs each gets its share and none starves; the others follow in case it is empty.
 */
export class QueueTurns {
  readonly #queues: { name: string; weight: number; credit: number }[];
  readonly #total: number;

  constructor(queues: readonly QueueShare[]) {
    this.#queues = queues.map(({ name, weight }) => ({ name, weight, credit: 0 }));
    this.#total = queues.reduce((sum, { weight }) => sum + weight, 0);
  }

  next(): string[] {
    for (const queue of this.#queues) queue.credit += queue.weight;
    const order = [...this.#queues].sort((a, b) => b.credit - a.credit);
    const [first] = order;
    if (first) first.credit -= this.#total;
    return order.map(({ name }) => name);
  }
}
