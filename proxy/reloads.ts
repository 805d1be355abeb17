import type { Child } from "../shared/process/child.ts";
import type { Fleet } from "../shared/process/fleet.ts";
import { UserError } from "../shared/user_error.ts";
import type { ListenerSet } from "./listener_set.ts";
import type { ProxyBoot, ProxyDown, ProxyPlan, ProxyUp } from "./plan.ts";

type ProxyChild = Child<ProxyBoot, ProxyDown, ProxyUp>;

/** A child that is busy for longer than this has other troubles. */
const APPLY_MS = 10_000;

interface Waiting {
  number: number;
  children: Set<ProxyChild>;
  done: () => void;
  failed: (error: Error) => void;
}

/** Brings a new plan to every data-plane process, with the descriptors of listeners they do not have yet. */
export class Reloads {
  readonly #fleet: Fleet<ProxyBoot, ProxyDown, ProxyUp>;
  readonly #listeners: ListenerSet;
  #number = 0;
  #waiting: Waiting | undefined;

  constructor(fleet: Fleet<ProxyBoot, ProxyDown, ProxyUp>, listeners: ListenerSet) {
    this.#fleet = fleet;
    this.#listeners = listeners;
  }

  /**
   * Resolves when every child works by the plan. Listeners that it does not name are closed, without losing a
   * connection on its way to them. Throws the sentence of the first child that can't apply it.
   */
  async apply(plan: ProxyPlan, added: string[]): Promise<void> {
    await this.#listeners.quietAllBut(plan.listeners);
    const number = ++this.#number;
    const children = this.#fleet.living().filter(({ state }) => state !== "draining");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting = { number, children: new Set(children), done: resolve, failed: reject };
    const late = setTimeout(
      () => reject(new UserError("a data-plane process did not take the new config in time")),
      APPLY_MS,
    );
    for (const child of children) {
      const sockets = this.#listeners.socketsOf(child.slot, added);
      child.sendFds(sockets.map(({ fd }) => fd));
      child.tell({ kind: "plan", number, plan, added: sockets.map(({ address }) => address) });
    }
    if (children.length === 0) resolve();
    try {
      await promise;
    } finally {
      clearTimeout(late);
      this.#waiting = undefined;
      this.#listeners.keepOnly(plan.listeners);
    }
  }

  heard(child: ProxyChild, { applied, sentence }: ProxyUp): void {
    if (applied !== this.#waiting?.number) return;
    if (sentence !== undefined) this.#waiting.failed(new UserError(sentence));
    this.#arrived(child);
  }

  /** Its replacement boots with the new plan. */
  gone(child: ProxyChild): void {
    this.#arrived(child);
  }

  #arrived(child: ProxyChild): void {
    this.#waiting?.children.delete(child);
    if (this.#waiting?.children.size === 0) this.#waiting.done();
  }
}
