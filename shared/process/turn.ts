/** Lets one piece of work at a time run; the others wait in the order they came. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();

  /** What `work` returns or throws, once those before it have ended. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}
