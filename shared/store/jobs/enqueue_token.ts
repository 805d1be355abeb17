/** Names one call of enqueue, so that the store can tell a repeat whose first reply was lost. */
export interface EnqueueToken {
  /** Of this process, never used before. */
  client: string;
  /** The store remembers the last number of each slot: as many slots as calls were ever on their way at once. */
  slot: number;
  number: number;
}

/** The tokens of one process. */
export class EnqueueTokens {
  readonly #client = crypto.randomUUID();
  readonly #free: number[] = [];
  #slots = 0;
  #calls = 0;

  /** Runs `call` with a token; its slot is taken until `call` has ended. */
  async use<Result>(call: (token: EnqueueToken) => Promise<Result>): Promise<Result> {
    const slot = this.#free.pop() ?? this.#slots++;
    try {
      return await call({ client: this.#client, slot, number: ++this.#calls });
    } finally {
      this.#free.push(slot);
    }
  }
}
