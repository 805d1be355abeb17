/** Those who wait to go on, one a turn of the event loop: between two of them all sockets are heard. */
export class Turns<T> {
  readonly #goOn: (next: T) => void;
  readonly #waiting = new Set<T>();

  /** `goOn` may add its own again: behind the others. */
  constructor(goOn: (next: T) => void) {
    this.#goOn = goOn;
  }

  /** No more than once at a time. */
  add(one: T): void {
    this.#waiting.add(one);
    if (this.#waiting.size === 1) setImmediate(() => this.#turn());
  }

  #turn(): void {
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    // When it adds itself to a list that is empty now, add() asks for the next turn.
    if (this.#waiting.size > 0) setImmediate(() => this.#turn());
    this.#goOn(next);
  }
}
