import type { BackendConfig } from "../shared/config/schema.ts";
import { log } from "../shared/log.ts";
import { type CheckResult, checkServer } from "./health_check.ts";
import { NameWatch } from "./name_watch.ts";
import { EJECTED_MS, mayEject } from "./passive.ts";
import type { BackendPlan, MemberState } from "./plan.ts";
import type { ServerSettings } from "./plan_of.ts";
import { ServerHealth } from "./server_health.ts";
import { type KnownServer, type Recollection, remember } from "./server_memory.ts";
import { noOrders, note, type ServerOrder, stateOf, unknownName, weightOf } from "./server_orders.ts";
import { StatusSet } from "./status_set.ts";

/** Checks of one backend are spread over the interval by this much, so that many edges do not check in step. */
const JITTER = 0.1;

export interface MemberView extends MemberState {
  last: CheckResult | undefined;
  sinceMs: number;
}

interface WatchedServer extends KnownServer {
  settings: ServerSettings;
}

/** The supervisor's view of one backend's servers: checks them all and tells of every change. */
export class HealthWatch {
  readonly name: string;
  readonly #config: BackendConfig;
  readonly #servers: Map<string, WatchedServer>;
  readonly #names: NameWatch;
  readonly #changed: () => void;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #stopped = false;

  constructor(
    name: string,
    config: BackendConfig,
    servers: readonly ServerSettings[],
    changed: () => void,
    known: Recollection,
    before?: HealthWatch,
  ) {
    this.name = name;
    this.#config = config;
    this.#changed = changed;
    const addresses = servers.map(({ address }) => address);
    this.#names = new NameWatch(
      name,
      addresses,
      config.resolve,
      changed,
      before === undefined ? undefined : before.#names,
    );
    this.#servers = new Map(
      servers.map((settings) => {
        const { address } = settings;
        const { health, orders } = known(name, address) ?? { health: new ServerHealth(), orders: noOrders() };
        return [address, { settings, health, orders }];
      }),
    );
  }

  server(address: string): WatchedServer | undefined {
    return this.#servers.get(address);
  }

  /** What a successor shall know, by address. */
  memory(): Record<string, unknown> {
    return Object.fromEntries([...this.#servers].map(([address, server]) => [address, remember(server)]));
  }

  /** Works by an order from now on. Throws a UserError when there is no such server. */
  obey(order: ServerOrder): void {
    const server = this.#servers.get(order.server);
    if (!server) throw unknownName(`server in ${this.name} named`, order.server, [...this.#servers.keys()]);
    note(server.orders, order, server.settings.weight, Date.now());
    log.info(order, "server ordered");
  }

  /** Resolves when it is known where new names lead, or that this takes too long. */
  lookUpNames(): Promise<void> {
    return this.#names.lookUpNew();
  }

  start(): void {
    this.#names.start();
    const { health } = this.#config;
    for (const [address, server] of this.#servers) {
      if (health) this.#after(Math.random() * health.interval * JITTER, () => this.#check(address));
      else if (server.health.state === "down") this.#comeBackLater(server);
    }
  }

  /** A data-plane process tells of answers. So many errors in a row, whoever saw them: out, unless too many are. */
  seen(address: string, what: { errors: number; well: boolean }): void {
    const server = this.#servers.get(address);
    const { passive } = this.#config;
    if (!server || !passive || server.health.state !== "up") return;
    if (!server.health.saw(what, passive.errors)) return;
    const all = [...this.#servers.values()];
    const ejected = all.filter(({ health }) => health.ejected).length;
    const usable = this.members().filter(({ state }) => state === "up").length;
    const how = { backend: this.name, server: address };
    if (!mayEject({ servers: all.length, ejected, usable })) {
      log.warn(how, "server fails, but too few others are left");
      return;
    }
    server.health.eject(Date.now());
    log.warn({ ...how, errors: passive.errors }, "server is down: it failed too often in a row");
    if (!this.#config.health) this.#comeBackLater(server);
    this.#changed();
  }

  /** Without checks, one that is down is tried again after a while. */
  #comeBackLater({ settings, health }: WatchedServer): void {
    this.#after(Math.max(0, health.sinceMs + EJECTED_MS - Date.now()), () => {
      health.comeBack(Date.now());
      log.info({ backend: this.name, server: settings.address }, "server is tried again");
      this.#changed();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#names.stop();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  plan(): BackendPlan {
    const { retries, balance, slow_start: slowStartMs, passive, timeouts = {} } = this.#config;
    return {
      name: this.name,
      retries,
      balance,
      slowStartMs,
      timeouts,
      passiveErrors: passive?.errors ?? 0,
      members: this.members(),
    };
  }

  members(): MemberState[] {
    return [...this.#servers.values()].map(({ settings, health, orders }) => {
      const places = this.#names.placesOf(settings.address);
      return {
        ...settings,
        ...(places && places.length > 0 ? { places } : {}),
        state: stateOf(orders, places?.length === 0 ? "down" : health.state),
        weight: weightOf(orders, settings.weight),
        recoveredAtMs: health.recovered && health.state === "up" ? health.sinceMs : 0,
      };
    });
  }

  view(): MemberView[] {
    return this.members().map((member) => {
      const server = this.#servers.get(member.address);
      const sinceMs = (server?.orders.state ? server.orders.sinceMs : server?.health.sinceMs) ?? 0;
      const failure = this.#names.failureOf(member.address);
      const last = failure
        ? { passed: false, said: failure, tookMs: 0, atMs: Date.now() }
        : server?.health.last;
      return { ...member, last, sinceMs };
    });
  }

  #after(delayMs: number, work: () => Promise<void> | void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      // #check throws nothing: what goes wrong is its result.
      void work();
    }, delayMs);
    this.#timers.add(timer);
  }

  async #check(address: string): Promise<void> {
    const { health } = this.#config;
    const watched = this.#servers.get(address);
    if (!health || !watched) return;
    const { health: server, orders } = watched;
    // In maintenance it may be anything; it comes back as it was before.
    const maint = orders.state === "maint";
    const places = this.#names.placesOf(address) ?? [address];
    // One that is nowhere is down without a check, and new when its name is found.
    const nothing = maint || places.length === 0;
    const result = nothing ? undefined : await checkServer(places, health, new StatusSet(health.expect));
    if (this.#stopped) return;
    if (result && server.judge(result, health)) {
      const how = { backend: this.name, server: address, check: result.said };
      if (server.state === "up") log.info(how, "server is up");
      else log.warn(how, "server is down");
      this.#changed();
    }
    this.#after(health.interval * (1 + (Math.random() - 0.5) * JITTER), () => this.#check(address));
  }
}
