import type { Counter, Gauge } from "../shared/metrics.ts";
import { parseAddress } from "../shared/process/listen_socket.ts";
import type { ServerErrors } from "./server_errors.ts";
import type { Upstream } from "./upstream.ts";

export type ServerState = "up" | "down" | "draining" | "maint";

/** Idle connections kept to one server by one process. */
const IDLE_MAX = 256;

/** More at a time rest for less: a preforking server has few processes to spare for them. */
const COOLING_MAX = 4;

/** As Bun.connect wants it. */
export type ConnectTarget = { unix: string } | { hostname: string; port: number };

/** Where "host:port" or "unix:PATH" leads. */
export function connectTarget(address: string): ConnectTarget {
  if (address.startsWith("unix:")) return { unix: address.slice("unix:".length) };
  const { host, port } = parseAddress(address);
  return { hostname: host, port };
}

export interface ServerCounters {
  requests: Counter;
  failures: Counter;
  connections: Counter;
  reuses: Counter;
  /** `active`, as of the last samples. */
  inFlight: Gauge;
  readonly errors: Pick<ServerErrors, "note">;
  /** An answer of the server with this status. */
  answered(status: number): void;
}

/** One member of a backend, as a data-plane process sees it. */
export class Server {
  readonly address: string;
  readonly counters: ServerCounters;
  /** Which of the app's children it is, "serve:0"; null: a server of its own. */
  readonly serveChild: string | null;
  state: ServerState = "up";
  /** Its share beside the others, as it is now. */
  weight = 1;
  /** The same when it has been up for long. */
  fullWeight = 1;
  recoveredAtMs = 0;
  /** Attempts without an answer, and answers that are its fault. */
  errorsInRow = 0;
  /** Of these, those that the supervisor has not been told of. */
  errorsUntold = 0;
  /** An answer without fault came before them, and has not been told of. */
  wellUntold = false;
  /** Requests in its hands now. */
  active = 0;
  /** As many as this process may give it at a time. */
  connectionsMax = Number.POSITIVE_INFINITY;
  /** Connections that wait for a request; the warmest is last. */
  readonly #idle: Upstream[] = [];
  /** Connections that rest before they wait for one, in the order in which they came. */
  readonly #cooling: Upstream[] = [];
  /** Connections that wait for a request of the one client whose they are; the coldest is first. */
  readonly #private = new Set<Upstream>();

  /** Where its name leads now, as far as that is known; the address itself when it is no name. */
  #places: readonly string[];
  #targets: readonly ConnectTarget[];
  /** Of these, the one in use. */
  #targetAt = 0;

  constructor(address: string, counters: ServerCounters, serveChild: string | null = null) {
    this.address = address;
    this.serveChild = serveChild;
    this.#places = [address];
    this.#targets = this.#places.map(connectTarget);
    this.counters = counters;
  }

  /** Where the next connection goes. */
  get target(): ConnectTarget {
    return this.#targets[this.#targetAt] ?? connectTarget(this.address);
  }

  /** Its name leads here now: to the place in use if it is still among them, else to the first. */
  leadsTo(places: readonly string[]): void {
    const before = this.#places;
    if (places.length === before.length && places.every((place, i) => place === before[i])) return;
    const stays = places.indexOf(before[this.#targetAt] ?? "");
    this.#places = places;
    this.#targets = places.map(connectTarget);
    this.#targetAt = Math.max(0, stays);
    if (stays < 0) this.closeIdle();
  }

  /** Nobody could be reached where the last connection went. */
  unreachable(): void {
    if (this.#targets.length > 1) this.#targetAt = (this.#targetAt + 1) % this.#targets.length;
  }

  /** The Host field for a request that has none. */
  get hostField(): string {
    return this.address.startsWith("unix:") ? "localhost" : this.address;
  }

  /** The connection used last, if one waits. */
  takeIdle(): Upstream | undefined {
    return this.#idle.pop();
  }

  /** Keeps a connection for the next request; false when there are enough or nothing new may go to it. */
  keepIdle(upstream: Upstream): boolean {
    if (this.#idle.length >= IDLE_MAX || this.state !== "up") return false;
    this.#idle.push(upstream);
    return true;
  }

  /** The same, but it rests first: what a server sends behind an answer without a body would be taken for the next. */
  keepCooling(upstream: Upstream): boolean {
    if (this.state !== "up") return false;
    upstream.rested = false;
    this.#cooling.push(upstream);
    const [first] = this.#cooling;
    if (this.#cooling.length > COOLING_MAX && first !== undefined) this.#warm(first);
    return true;
  }

  #warm(upstream: Upstream): void {
    remove(this.#cooling, upstream);
    if (!this.keepIdle(upstream)) upstream.close();
  }

  /** Keeps a connection for its owner's next request; false when nothing new may go to it. */
  keepPrivate(upstream: Upstream): boolean {
    if (this.state !== "up") return false;
    this.#private.add(upstream);
    return true;
  }

  /** One more connection is opened, for a request that counts already: those that only rest or are held give way. */
  makeRoom(): void {
    if (this.active + this.#cooling.length + this.#private.size <= this.connectionsMax) return;
    const [coldest] = this.#private;
    (this.#cooling[0] ?? coldest)?.close(true);
  }

  forget(upstream: Upstream): void {
    if (this.#private.delete(upstream)) return;
    remove(this.#idle, upstream);
    remove(this.#cooling, upstream);
  }

  /**
   * Once a second. Closes the connections that have waited too long, the coldest first, and ends the rest of those that
   * were seen resting the last time: between two looks everything that had come was read.
   */
  expireIdle(nowMs: number): void {
    for (const upstream of [...this.#idle, ...this.#cooling])
      if (upstream.idleUntilMs <= nowMs) upstream.close();
    for (const upstream of [...this.#cooling]) {
      if (upstream.rested) this.#warm(upstream);
      upstream.rested = true;
    }
  }

  /** Nothing new goes to it: idle connections are of no more use. */
  closeIdle(): void {
    for (const upstream of [...this.#idle, ...this.#cooling, ...this.#private]) upstream.close();
  }
}

function remove(list: Upstream[], upstream: Upstream): void {
  const at = list.lastIndexOf(upstream);
  if (at >= 0) list.splice(at, 1);
}
