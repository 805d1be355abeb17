import { availableParallelism } from "node:os";
import type { Config } from "../shared/config/schema.ts";
import { Fleet } from "../shared/process/fleet.ts";
import { closeSockets, openListenSockets, stopNewConnections } from "../shared/process/listen_socket.ts";
import type { Mode } from "../shared/process/mode.ts";
import type { Site } from "../shared/process/site.ts";
import type { BackendPlan, ProxyBoot, ProxyDown, RoutePlan } from "./boot.ts";
import { HealthWatch } from "./health_watch.ts";

/** The backend, and the member of any backend, that stands for the app server under the same supervisor. */
const SERVE = "serve:";
const BOOT_TIMEOUT_MS = 10_000;
/** Descriptors of a child begin behind stdin, stdout and stderr. */
const FIRST_FD = 3;
const DEFAULT_RETRIES = 2;
/** A connection half made when we stop gets this long to be accepted. */
const HANDSHAKE_MS = 200;

export interface ProxyMode extends Mode {
  /** Some route ends at the app server of the same supervisor. */
  readonly needsServe: boolean;
  /** The private sockets of the app's children that are ready now. */
  setServeSockets(paths: readonly string[]): void;
}

interface BoundListener {
  address: string;
  port: number;
  /** One a child slot. */
  fds: number[];
}

/** The edge: owns the listening sockets, checks the servers, and keeps the data-plane processes alive. */
export function proxyMode(site: Site): ProxyMode {
  return new ProxySupervisor(site);
}

class ProxySupervisor implements ProxyMode {
  readonly name = "proxy";
  readonly #config: Config;
  readonly #routes: RoutePlan[];
  readonly #watches: HealthWatch[];
  readonly #slots: number;
  readonly #fleet: Fleet<ProxyBoot, ProxyDown, never>;
  #listeners: BoundListener[] = [];
  #serveSockets: readonly string[] = [];

  constructor({ config }: Site) {
    this.#config = config;
    this.#routes = routesOf(config);
    this.#slots = config.proxy.workers === "auto" ? availableParallelism() : config.proxy.workers;
    this.#watches = Object.entries(config.backend).map(([name, backend]) => {
      const own = backend.servers.map(addressOf).filter((address) => address !== SERVE);
      return new HealthWatch(name, backend, own, () => this.#tell(name));
    });
    this.#fleet = new Fleet({
      kind: "proxy",
      slots: this.#slots,
      bootTimeoutMs: BOOT_TIMEOUT_MS,
      drainTimeoutMs: config.proxy.drain_timeout,
      boot: () => this.#boot(),
      fds: (slot) => this.#listeners.map(({ fds }) => fds[slot]!),
    });
  }

  get needsServe(): boolean {
    return this.#routes.some(({ backend }) => this.#usesServe(backend));
  }

  async start(): Promise<void> {
    for (const { address } of this.#config.proxy.listen) {
      this.#listeners.push({ address, ...openListenSockets(address, this.#slots) });
    }
    for (const watch of this.#watches) watch.start();
    await this.#fleet.start();
  }

  setServeSockets(paths: readonly string[]): void {
    this.#serveSockets = paths;
    for (const { name } of this.#plans()) if (this.#usesServe(name)) this.#tell(name);
  }

  children() {
    return this.#fleet.status();
  }

  status() {
    const listeners = this.#listeners.map(({ address, port }) => ({ address, port }));
    const backends = this.#plans().map(({ name, members }) => {
      const checked = this.#watches.find((watch) => watch.name === name)?.view() ?? [];
      return {
        name,
        servers: members.map((member) => checked.find(({ address }) => address === member.address) ?? member),
      };
    });
    return Promise.resolve({ listeners, routes: this.#routes, backends });
  }

  samples() {
    return this.#fleet.samples();
  }

  complaint(): string | undefined {
    return this.#fleet.complaint();
  }

  async drain(): Promise<void> {
    for (const watch of this.#watches) watch.stop();
    stopNewConnections(this.#listeners.flatMap(({ fds }) => fds));
    await Bun.sleep(HANDSHAKE_MS);
    const drained = this.#fleet.drain(this.#config.proxy.drain_timeout);
    this.#closeListeners();
    await drained;
  }

  kill(): void {
    for (const watch of this.#watches) watch.stop();
    this.#fleet.kill();
    this.#closeListeners();
  }

  #closeListeners(): void {
    for (const { fds } of this.#listeners) closeSockets(fds);
    this.#listeners = [];
  }

  #boot(): ProxyBoot {
    return {
      settings: this.#config.proxy,
      backends: this.#plans(),
      routes: this.#routes,
      listeners: this.#listeners.map(({ address }, i) => ({ fd: FIRST_FD + i, address })),
    };
  }

  #plans(): BackendPlan[] {
    const plans = this.#watches.map((watch) => watch.plan());
    const named = plans.map((plan) =>
      this.#usesServe(plan.name) ? { ...plan, members: [...plan.members, ...this.#serveMembers()] } : plan,
    );
    return [...named, { name: SERVE, retries: DEFAULT_RETRIES, members: this.#serveMembers() }];
  }

  #serveMembers() {
    return this.#serveSockets.map((path) => ({ address: `unix:${path}`, state: "up" as const }));
  }

  #usesServe(backend: string): boolean {
    return (
      backend === SERVE ||
      (this.#config.backend[backend]?.servers.some((server) => addressOf(server) === SERVE) ?? false)
    );
  }

  #tell(backend: string): void {
    const plan = this.#plans().find(({ name }) => name === backend);
    if (plan) this.#fleet.broadcast({ backend, members: plan.members });
  }
}

function addressOf(server: string | { address: string }): string {
  return typeof server === "string" ? server : server.address;
}

/** No route at all means one for everything, to the app server. */
function routesOf(config: Config): RoutePlan[] {
  const { route } = config.proxy;
  if (route.length === 0) return [{ host: undefined, pathPrefix: "/", backend: SERVE }];
  return route.map(({ host, path_prefix, backend }) => ({ host, pathPrefix: path_prefix, backend }));
}
