import { availableParallelism } from "node:os";
import type { Config } from "../shared/config/schema.ts";
import { log } from "../shared/log.ts";
import { giveLogFile } from "../shared/log_file.ts";
import type { Sample } from "../shared/metrics.ts";
import type { ChildSocket } from "../shared/process/child_socket.ts";
import { Fleet } from "../shared/process/fleet.ts";
import { type Identity, identityOf } from "../shared/process/identity.ts";
import { addressOfListener, ListenerSet, listenerNames } from "../shared/process/listener_set.ts";
import type { Mode } from "../shared/process/mode.ts";
import { letPass } from "../shared/process/run_dir.ts";
import type { Site } from "../shared/process/site.ts";
import { sentenceOf, UserError } from "../shared/user_error.ts";
import { backendViews } from "./backend_views.ts";
import { Confirmations, type ProxyChild } from "./confirmations.ts";
import { HealthWatch } from "./health_watch.ts";
import type { BackendPlan, MemberState, ProxyBoot, ProxyDown, ProxyPlan, ProxyUp } from "./plan.ts";
import { ownServers, routesOf, SERVE, serveSettings, usesServe } from "./plan_of.ts";
import { Reloads } from "./reloads.ts";
import { type Recollection, recollection, type ServerMemory } from "./server_memory.ts";
import { readOrder, unknownName } from "./server_orders.ts";
import { Traffic } from "./traffic.ts";

const BOOT_TIMEOUT_MS = 10_000;
/** Descriptors of a child begin behind stdin, stdout and stderr. */
const FIRST_FD = 3;
/** One whose event loop stands still this long serves nobody any more. */
const HANG_MS = 30_000;
/** How often rates and percentiles get a new point to start from. */
const LOOK_MS = 5000;
/** After the drain deadline a child says so to its clients and writes its last log lines. */
const LAST_LINES_MS = 3000;
/** How requests go to the app's children where no [backend.NAME] says otherwise. */
const SERVE_BALANCE = { retries: 2, balance: "round_robin", slowStartMs: 0, passiveErrors: 0, timeouts: {} };

export interface ProxyMode extends Mode {
  /** Some route ends at the app server of the same supervisor. */
  readonly needsServe: boolean;
  /** The private sockets of the app's children that are ready now. */
  setServeSockets(sockets: readonly ChildSocket[]): void;
}

/** The edge: owns the listening sockets, checks the servers, and keeps the data-plane processes alive. */
export function proxyMode(site: Site): ProxyMode {
  return new ProxySupervisor(site);
}

class ProxySupervisor implements ProxyMode {
  readonly name = "proxy";
  #config: Config;
  #watches: HealthWatch[];
  readonly #slots: number;
  readonly #listeners: ListenerSet;
  readonly #fleet: Fleet<ProxyBoot, ProxyDown, ProxyUp>;
  readonly #confirmations = new Confirmations();
  readonly #reloads: Reloads;
  readonly #traffic = new Traffic();
  #timer: ReturnType<typeof setInterval> | undefined;
  #serveSockets: readonly ChildSocket[] = [];
  #identity: Identity | undefined;
  readonly #runDir: string;

  constructor({ config, legacy, runDir }: Site) {
    this.#runDir = runDir;
    this.#config = config;
    this.#slots = slotsOf(config);
    this.#listeners = new ListenerSet("proxy", this.#slots, legacy);
    this.#watches = this.#watch(config, recollection(legacy?.memoryOf(this.name)));
    this.#fleet = new Fleet({
      kind: "proxy",
      slots: this.#slots,
      deadlines: () => ({
        bootMs: BOOT_TIMEOUT_MS,
        drainMs: this.#config.proxy.drain_timeout + LAST_LINES_MS,
      }),
      boot: (slot) => this.#boot(slot),
      fds: (slot) => this.#listeners.socketsOf(slot).map(({ fd }) => fd),
      channel: true,
      limits: () => ({ memoryBytes: 0, ageMs: 0, hangMs: HANG_MS }),
      onMessage: (child, up) => this.#heard(child, up),
      onGone: (child) => this.#confirmations.gone(child),
    });
    this.#reloads = new Reloads(this.#fleet, this.#listeners, this.#confirmations);
  }

  get needsServe(): boolean {
    return routesOf(this.#config).some(({ backend }) => usesServe(this.#config, backend));
  }

  async start(): Promise<void> {
    this.#identity = identityOf("proxy", this.#config.proxy);
    if (this.#identity) letPass(this.#runDir);
    this.#listeners.add(addressesOf(this.#config));
    for (const watch of this.#watches) watch.start();
    await this.#fleet.start();
    this.#lookAtTraffic();
    this.#timer = setInterval(() => this.#lookAtTraffic(), LOOK_MS);
  }

  /** Other routes, backends, listeners and settings from now on, in every child at once; what is established lives on. */
  async reload(config: Config): Promise<void> {
    if (slotsOf(config) !== this.#slots) {
      throw new UserError("proxy.workers can't be changed by a reload: restart, or set it back");
    }
    if (config.proxy.user !== this.#config.proxy.user || config.proxy.group !== this.#config.proxy.group) {
      throw new UserError(
        "proxy.user and proxy.group can't be changed by a reload: restart, or set them back",
      );
    }
    this.#giveLog(config);
    const addresses = addressesOf(config);
    const before = { config: this.#config, watches: this.#watches, addresses: this.#listeners.addresses };
    const added = this.#listeners.add(addresses);
    this.#config = config;
    this.#watches = this.#watch(config, (name, address) =>
      before.watches.find((watch) => watch.name === name)?.server(address),
    );
    try {
      // With the old listeners still open: what is closed can't be taken back when a child refuses the plan.
      await this.#reloads.apply(this.#plan(this.#listeners.addresses), added);
    } catch (error) {
      this.#config = before.config;
      this.#watches = before.watches;
      await this.#reloads.apply(this.#plan(before.addresses), []);
      throw error;
    }
    if (before.addresses.some((address) => !addresses.includes(address))) {
      await this.#reloads.apply(this.#plan(addresses), []);
    }
    for (const watch of before.watches) watch.stop();
    for (const watch of this.#watches) watch.start();
  }

  setServeSockets(sockets: readonly ChildSocket[]): void {
    this.#serveSockets = sockets;
    for (const { name } of this.#backends()) if (usesServe(this.#config, name)) this.#changed(name);
  }

  children() {
    return this.#fleet.status();
  }

  async status() {
    const listeners = this.#listeners.bound.map(({ address, port }) => ({
      address: addressOfListener(address),
      port,
    }));
    const samples = await this.#fleet.samples();
    const checked = (name: string) => this.#watches.find((watch) => watch.name === name)?.view() ?? [];
    const backends = backendViews(this.#backends(), checked, samples);
    const traffic = this.#traffic.view(samples, performance.now());
    return { traffic, listeners, routes: this.#routes(), backends };
  }

  /** Without their rules: what a route sets in headers may be a secret. */
  #routes() {
    return routesOf(this.#config).map(({ rules: _, ...route }) => route);
  }

  async samples(): Promise<Sample[]> {
    return [...(await this.#fleet.samples()), ...this.#backends().flatMap(upSamples)];
  }

  /** Takes a server out of use or back, or gives it another weight, in every child; how it is then. */
  async order(order: Record<string, unknown>): Promise<unknown> {
    const known = readOrder(order);
    const watch = this.#watches.find(({ name }) => name === known.backend);
    if (!watch) throw unknownBackend(known.backend, this.#watches);
    watch.obey(known);
    await this.#tell(watch.name);
    return watch.view().find(({ address }) => address === known.server);
  }

  settle(): void {
    this.#fleet.settle();
  }

  complaint(): string | undefined {
    return this.#fleet.complaint();
  }

  reopenLogs(): void {
    this.#giveLog(this.#config);
    this.#fleet.broadcast({ kind: "reopen" });
  }

  bequest() {
    return this.#listeners.bequest();
  }

  memory(): { servers: ServerMemory } {
    return { servers: Object.fromEntries(this.#watches.map((watch) => [watch.name, watch.memory()])) };
  }

  async drain(succeeded: boolean, kept: boolean): Promise<void> {
    for (const watch of this.#watches) watch.stop();
    const { shutdown_delay: delayMs, drain_timeout: drainMs } = this.#config.proxy;
    if (!succeeded && delayMs > 0) {
      this.#fleet.broadcast({ kind: "leaving" });
      await Bun.sleep(delayMs);
    }
    if (!succeeded) this.hurry(kept);
    if (!succeeded && !kept) await this.#listeners.quietAllBut([]);
    const drained = this.#fleet.drain(drainMs + LAST_LINES_MS);
    this.#listeners.keepOnly([]);
    await drained;
  }

  hurry(kept: boolean): void {
    if (kept) this.#fleet.broadcast({ kind: "hurry" });
  }

  kill(): void {
    clearInterval(this.#timer);
    for (const watch of this.#watches) watch.stop();
    this.#fleet.kill();
    this.#listeners.keepOnly([]);
  }

  #lookAtTraffic(): void {
    this.#traffic.take(this.#fleet.lastSamples(), performance.now());
  }

  #boot(slot: number): ProxyBoot {
    const sockets = this.#listeners.socketsOf(slot).map(({ address }, i) => ({ address, fd: FIRST_FD + i }));
    this.#giveLog(this.#config);
    return {
      identity: this.#identity,
      plan: this.#plan(this.#listeners.addresses),
      sockets,
      channel: FIRST_FD + sockets.length,
    };
  }

  /** Children that are no longer root may not make it. */
  #giveLog({ proxy }: Config): void {
    const { access_log: format, access_log_to: target } = proxy;
    if (this.#identity && format !== "off" && target.startsWith("file:")) {
      giveLogFile(target.slice("file:".length), this.#identity);
    }
  }

  #plan(listeners: string[]): ProxyPlan {
    return {
      settings: this.#config.proxy,
      backends: this.#backends(),
      routes: routesOf(this.#config),
      listeners,
      processes: this.#slots,
    };
  }

  #backends(): BackendPlan[] {
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

  #serveMembers(backend: string): MemberState[] {
    const settings = serveSettings(this.#config.backend[backend]);
    return this.#serveSockets.map(({ path, slot }) => ({
      ...settings,
      address: `unix:${path}`,
      // The path is another one each time a child is replaced; series of metrics must not be.
      label: `${SERVE}${slot}`,
      state: "up",
      recoveredAtMs: 0,
    }));
  }

  /** Watches for the backends of a config; servers that are known already keep their state. */
  #watch(config: Config, known: Recollection): HealthWatch[] {
    return Object.entries(config.backend).map(
      ([name, backend]) =>
        new HealthWatch(name, backend, ownServers(backend), () => this.#changed(name), known),
    );
  }

  #heard(child: ProxyChild, up: ProxyUp): void {
    if (up.kind === "applied") this.#confirmations.heard(child, up.number, up.sentence);
    else this.#watches.find(({ name }) => name === up.backend)?.seen(up.server, up);
  }

  #changed(backend: string): void {
    this.#tell(backend).catch((error: unknown) => log.warn({ backend }, sentenceOf(error)));
  }

  /** Resolves when every child goes by the states and weights of now. */
  async #tell(backend: string): Promise<void> {
    const plan = this.#backends().find(({ name }) => name === backend);
    if (!plan) return;
    const message = { kind: "members" as const, backend, members: plan.members };
    await this.#confirmations.all(this.#fleet.living(), (child, number) =>
      child.tell({ ...message, number }),
    );
  }
}

function unknownBackend(name: string, watches: readonly HealthWatch[]): UserError {
  if (name === SERVE)
    return new UserError("the servers of serve: are the app's children: they come and go with it");
  return unknownName(
    "backend",
    name,
    watches.map((watch) => watch.name),
  );
}

/** Told by the supervisor, which decides: a sum over children would count each server several times. */
function upSamples({ name: backend, members }: BackendPlan): Sample[] {
  return members.map(({ address, label: server = address, state }) => ({
    name: "trivet_proxy_server_up",
    kind: "gauge",
    help: "1: takes requests; 0: is down, draining or in maintenance.",
    labels: { backend, server },
    value: state === "up" ? 1 : 0,
  }));
}

function addressesOf({ proxy }: Config): string[] {
  return listenerNames(proxy.listen.map(({ address }) => address));
}

function slotsOf({ proxy }: Config): number {
  return proxy.workers === "auto" ? availableParallelism() : proxy.workers;
}
