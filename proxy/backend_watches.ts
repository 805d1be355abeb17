import type { Config } from "../shared/config/schema.ts";
import type { Sample } from "../shared/metrics.ts";
import type { ChildSocket } from "../shared/process/child_socket.ts";
import { UserError } from "../shared/user_error.ts";
import { type BackendView, backendViews } from "./backend_views.ts";
import { HealthWatch, type MemberView } from "./health_watch.ts";
import type { BackendPlan, MemberState } from "./plan.ts";
import { ownServers, SERVE, serveSettings, usesServe } from "./plan_of.ts";
import type { Recollection, ServerMemory } from "./server_memory.ts";
import { readOrder, unknownName } from "./server_orders.ts";

/** How requests go to the app's children where no [backend.NAME] says otherwise. */
const SERVE_BALANCE = { retries: 2, balance: "round_robin", slowStartMs: 0, passiveErrors: 0, timeouts: {} };

/** What the supervisor works with beside a config. */
export interface WatchSurroundings {
  /** The private sockets of the app's children that are ready now. */
  sockets(): readonly ChildSocket[];
  /** The members of this backend are others than before, or in other states. */
  changed(backend: string): void;
}

/** The supervisor's view of all backends of one config: their servers under watch, and the app's children. */
export class BackendWatches {
  readonly #config: Config;
  readonly #around: WatchSurroundings;
  readonly #watches: readonly HealthWatch[];

  constructor(config: Config, around: WatchSurroundings, known: Recollection, before?: BackendWatches) {
    this.#config = config;
    this.#around = around;
    this.#watches = Object.entries(config.backend).map(
      ([name, backend]) =>
        new HealthWatch(
          name,
          backend,
          ownServers(backend),
          () => around.changed(name),
          known,
          before === undefined ? undefined : before.#of(name),
        ),
    );
  }

  /** For another config; servers that are known already keep their state. */
  next(config: Config): BackendWatches {
    return new BackendWatches(config, this.#around, (name, address) => this.#of(name)?.server(address), this);
  }

  /** Resolves when it is known where new names of servers lead, or that this takes too long. */
  async lookUpNames(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.lookUpNames()));
  }

  start(): void {
    for (const watch of this.#watches) watch.start();
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop();
  }

  /** The app's children have come or gone. */
  socketsChanged(): void {
    for (const { name } of this.plans()) if (usesServe(this.#config, name)) this.#around.changed(name);
  }

  plans(): BackendPlan[] {
    const plans = this.#watches.map((watch) => watch.plan());
    return [
      ...plans.map((plan) =>
        usesServe(this.#config, plan.name)
          ? { ...plan, members: [...plan.members, ...this.#serveMembers(plan.name)] }
          : plan,
      ),
      { name: SERVE, ...SERVE_BALANCE, members: this.#serveMembers(SERVE) },
    ];
  }

  /** `samples` of all data-plane processes. */
  views(samples: readonly Sample[]): BackendView[] {
    return backendViews(this.plans(), (name) => this.#of(name)?.view() ?? [], samples);
  }

  /** Told by the supervisor, which decides: a sum over children would count each server several times. */
  samples(): Sample[] {
    return this.plans().flatMap(({ name: backend, members }) =>
      members.map(({ address, label: server = address, state }) => ({
        name: "trivet_proxy_server_up",
        kind: "gauge",
        help: "1: takes requests; 0: is down, draining or in maintenance.",
        labels: { backend, server },
        value: state === "up" ? 1 : 0,
      })),
    );
  }

  /** What a data-plane process has seen of a server. */
  seen(backend: string, server: string, what: { errors: number; well: boolean }): void {
    this.#of(backend)?.seen(server, what);
  }

  /** Works by an order from now on: of which backend it is, and how to look at its server. */
  obey(order: Record<string, unknown>): { backend: string; view: () => MemberView | undefined } {
    const known = readOrder(order);
    const watch = this.#of(known.backend);
    if (!watch) throw this.#unknown(known.backend);
    watch.obey(known);
    const view = () => watch.view().find(({ address }) => address === known.server);
    return { backend: known.backend, view };
  }

  /** What a successor shall know. */
  memory(): ServerMemory {
    return Object.fromEntries(this.#watches.map((watch) => [watch.name, watch.memory()]));
  }

  #of(backend: string): HealthWatch | undefined {
    return this.#watches.find(({ name }) => name === backend);
  }

  #unknown(name: string): UserError {
    if (name === SERVE)
      return new UserError("the servers of serve: are the app's children: they come and go with it");
    return unknownName(
      "backend",
      name,
      this.#watches.map((watch) => watch.name),
    );
  }

  #serveMembers(backend: string): MemberState[] {
    const settings = serveSettings(this.#config.backend[backend]);
    return this.#around.sockets().map(({ path, slot }) => ({
      ...settings,
      address: `unix:${path}`,
      // The path is another one each time a child is replaced; series of metrics must not be.
      label: `${SERVE}${slot}`,
      ofServe: true,
      state: "up",
      recoveredAtMs: 0,
    }));
  }
}
