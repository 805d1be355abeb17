import type { Fleet } from "../shared/process/fleet.ts";
import type { ListenerSet } from "../shared/process/listener_set.ts";
import type { Confirmations } from "./confirmations.ts";
import type { ProxyBoot, ProxyDown, ProxyPlan } from "./plan.ts";
import type { ProxyUp } from "./proxy_up.ts";

/** Brings a new plan to every data-plane process, with the descriptors of listeners they do not have yet. */
export class Reloads {
  readonly #fleet: Fleet<ProxyBoot, ProxyDown, ProxyUp>;
  readonly #listeners: ListenerSet;
  readonly #confirmations: Confirmations;

  constructor(
    fleet: Fleet<ProxyBoot, ProxyDown, ProxyUp>,
    listeners: ListenerSet,
    confirmations: Confirmations,
  ) {
    this.#fleet = fleet;
    this.#listeners = listeners;
    this.#confirmations = confirmations;
  }

  /**
   * Resolves when every child works by the plan. Listeners that it does not name are closed, without losing a
   * connection on its way to them. Throws the sentence of the first child that can't apply it.
   */
  async apply(plan: ProxyPlan, added: string[]): Promise<void> {
    await this.#listeners.quietAllBut(plan.listeners);
    const children = this.#fleet.living().filter(({ state }) => state !== "draining");
    try {
      await this.#confirmations.all(children, (child, number) => {
        const sockets = this.#listeners.socketsOf(child.slot, added);
        child.sendFds(sockets.map(({ fd }) => fd));
        child.tell({ kind: "plan", number, plan, added: sockets.map(({ address }) => address) });
      });
    } finally {
      this.#listeners.keepOnly(plan.listeners);
    }
  }
}
