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
    // Before it goes on: when it adds itself to an empty list, the next turn is asked for already.
    const more = this.#waiting.size > 0;
    this.#goOn(next);
    if (more) setImmediate(() => this.#turn());
  }
}
