import type { Child } from "../shared/process/child.ts";
import { UserError } from "../shared/user_error.ts";
import type { ProxyBoot, ProxyDown } from "./plan.ts";
import type { ProxyUp } from "./proxy_up.ts";

export type ProxyChild = Child<ProxyBoot, ProxyDown, ProxyUp>;

/** A child that is busy for longer than this has other troubles. */
const WAIT_MS = 10_000;

interface Waiting {
  children: Set<ProxyChild>;
  done: () => void;
  failed: (error: Error) => void;
}

/** What was told to every data-plane process, until all have said that they work by it. */
export class Confirmations {
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;

  /**
   * `tell` gives each child the message with this number. Resolves when all have confirmed it or are gone; throws the
   * first sentence that says why not.
   */
  async all(
    children: readonly ProxyChild[],
    tell: (child: ProxyChild, number: number) => void,
  ): Promise<void> {
    const number = ++this.#number;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.set(number, { children: new Set(children), done: resolve, failed: reject });
    const late = setTimeout(
      () => reject(new UserError("a data-plane process did not take the change in time")),
      WAIT_MS,
    );
    for (const child of children) tell(child, number);
    if (children.length === 0) resolve();
    try {
      await promise;
    } finally {
      clearTimeout(late);
      this.#waiting.delete(number);
    }
  }

  heard(child: ProxyChild, number: number, sentence: string | undefined): void {
    const waiting = this.#waiting.get(number);
    if (sentence !== undefined) waiting?.failed(new UserError(sentence));
    this.#arrived(child, waiting);
  }

  /** Its replacement boots with what is in force. */
  gone(child: ProxyChild): void {
    for (const waiting of this.#waiting.values()) this.#arrived(child, waiting);
  }

  #arrived(child: ProxyChild, waiting: Waiting | undefined): void {
    waiting?.children.delete(child);
    if (waiting?.children.size === 0) waiting.done();
  }
}
