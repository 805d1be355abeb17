import { availableParallelism } from "node:os";
import type { Config } from "../shared/config/schema.ts";
import { log } from "../shared/log.ts";
import { giveLogFile } from "../shared/log_file.ts";
import type { Sample } from "../shared/metrics.ts";
import { FIRST_FD } from "../shared/process/child_program.ts";
import type { ChildSocket } from "../shared/process/child_socket.ts";
import { Fleet } from "../shared/process/fleet.ts";
import { type Identity, identityOf } from "../shared/process/identity.ts";
import { addressOfListener, ListenerSet, listenerNames } from "../shared/process/listener_set.ts";
import type { Mode } from "../shared/process/mode.ts";
import { letPass } from "../shared/process/run_dir.ts";
import type { Site } from "../shared/process/site.ts";
import { sentenceOf, UserError } from "../shared/user_error.ts";
import { BackendWatches } from "./backend_watches.ts";
import { Confirmations, type ProxyChild } from "./confirmations.ts";
import type { ProxyBoot, ProxyDown, ProxyPlan } from "./plan.ts";
import { routesOf, usesServe } from "./plan_of.ts";
import { type ProxyUp, readProxyUp } from "./proxy_up.ts";
import { Reloads } from "./reloads.ts";
import { recollection, type ServerMemory } from "./server_memory.ts";
import { siteUrl } from "./site_url.ts";
import { Traffic } from "./traffic.ts";

const BOOT_TIMEOUT_MS = 10_000;
/** One whose event loop stands still this long serves nobody any more. */
const HANG_MS = 30_000;
/** How often rates and percentiles get a new point to start from. */
const LOOK_MS = 5000;
/** After the drain deadline a child says so to its clients and writes its last log lines. */
const LAST_LINES_MS = 3000;
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
  #backends: BackendWatches;
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
    const around = { sockets: () => this.#serveSockets, changed: (name: string) => this.#changed(name) };
    this.#backends = new BackendWatches(config, around, recollection(legacy?.memoryOf(this.name)));
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
      read: readProxyUp,
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
    await this.#backends.lookUpNames();
    this.#backends.start();
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
    const before = { config: this.#config, backends: this.#backends, addresses: this.#listeners.addresses };
    const backends = before.backends.next(config);
    await backends.lookUpNames();
    const added = this.#listeners.add(addresses);
    this.#config = config;
    this.#backends = backends;
    try {
      // With the old listeners still open: what is closed can't be taken back when a child refuses the plan.
      await this.#reloads.apply(this.#plan(this.#listeners.addresses), added);
    } catch (error) {
      this.#config = before.config;
      this.#backends = before.backends;
      await this.#reloads.apply(this.#plan(before.addresses), []);
      throw error;
    }
    if (before.addresses.some((address) => !addresses.includes(address))) {
      await this.#reloads.apply(this.#plan(addresses), []);
    }
    before.backends.stop();
    this.#backends.start();
  }

  setServeSockets(sockets: readonly ChildSocket[]): void {
    this.#serveSockets = sockets;
    this.#backends.socketsChanged();
  }

  children() {
    return this.#fleet.status();
  }

  sites(): string[] {
    return this.#listeners.bound.flatMap(
      ({ address, port }) => siteUrl(addressOfListener(address), port) ?? [],
    );
  }

  async status() {
    const listeners = this.#listeners.bound.map(({ address, port }) => ({
      address: addressOfListener(address),
      port,
    }));
    const samples = await this.#fleet.samples();
    const { backends: byName, ...traffic } = this.#traffic.view(samples, performance.now());
    const backends = this.#backends.views(samples).map((view) => ({ ...view, traffic: byName[view.name] }));
    return { traffic, listeners, routes: this.#routes(), backends };
  }

  /** Without their rules: what a route sets in headers may be a secret. */
  #routes() {
    return routesOf(this.#config).map(({ rules: _, ...route }) => route);
  }

  async samples(): Promise<Sample[]> {
    return [...(await this.#fleet.samples()), ...this.#backends.samples()];
  }

  /** Takes a server out of use or back, or gives it another weight, in every child; how it is then. */
  async order(order: Record<string, unknown>): Promise<unknown> {
    const { backend, view } = this.#backends.obey(order);
    await this.#tell(backend);
    return view();
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
    return { servers: this.#backends.memory() };
  }

  async drain(succeeded: boolean, kept: boolean): Promise<void> {
    this.#backends.stop();
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
    this.#backends.stop();
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
      backends: this.#backends.plans(),
      routes: routesOf(this.#config),
      listeners,
      processes: this.#slots,
    };
  }

  #heard(child: ProxyChild, up: ProxyUp): void {
    if (up.kind === "applied") this.#confirmations.heard(child, up.number, up.sentence);
    else this.#backends.seen(up.backend, up.server, up);
  }

  #changed(backend: string): void {
    this.#tell(backend).catch((error: unknown) => log.warn({ backend }, sentenceOf(error)));
  }

  /** Resolves when every child goes by the states and weights of now. */
  async #tell(backend: string): Promise<void> {
    const plan = this.#backends.plans().find(({ name }) => name === backend);
    if (!plan) return;
    const message = { kind: "members" as const, backend, members: plan.members };
    await this.#confirmations.all(this.#fleet.living(), (child, number) =>
      child.tell({ ...message, number }),
    );
  }
}

function addressesOf({ proxy }: Config): string[] {
  return listenerNames(proxy.listen.map(({ address }) => address));
}

function slotsOf({ proxy }: Config): number {
  return proxy.workers === "auto" ? availableParallelism() : proxy.workers;
}
