import { isIP } from "node:net";
import type { Server, SocketAddress } from "bun";
import { UserError } from "../../shared/user_error.ts";
import { readAppOptions } from "./app_options.ts";
import type { InheritedPlace } from "./listener.ts";
import { CLIENT_FIELD } from "./request_handlers.ts";
import type { ServerGroup } from "./server_group.ts";

type BunServer = Server<unknown>;

/** All listeners of a child as user code knows them: Bun's Server. A request belongs to one, and the others refuse it. */
export class AppServer {
  readonly #group: ServerGroup;
  readonly #fromEdge = new WeakSet<Request>();

  constructor(group: ServerGroup) {
    this.#group = group;
  }

  get #servers(): BunServer[] {
    return this.#group.listeners.map(({ server }) => server);
  }

  upgrade(request: Request, options?: object): boolean {
    return this.#servers.some((server) => {
      try {
        return server.upgrade(request, options as never);
      } catch (error) {
        if (server === this.#servers.at(-1)) throw error;
        return false;
      }
    });
  }

  /** Of a request that our edge sent, its client's, as the edge says. */
  requestIP(request: Request): unknown {
    if (this.#fromEdge.has(request)) return addressIn(request.headers.get(CLIENT_FIELD));
    for (const { server } of this.#group.listeners) {
      const address = server.requestIP(request);
      if (address) return address;
    }
    return null;
  }

  /** It came over the private socket, which only the edge of our supervisor reaches. */
  cameFromEdge(request: Request): void {
    this.#fromEdge.add(request);
  }

  timeout(request: Request, seconds: number): void {
    this.#group.releaseTimer(request);
    this.setTimer(request, seconds);
  }

  /** The same by ourselves. */
  setTimer(request: Request, seconds: number): void {
    for (const server of this.#servers) server.timeout(request, seconds);
  }

  publish(...message: Parameters<BunServer["publish"]>): number {
    return this.#servers.reduce((sent, server) => sent + server.publish(...message), 0);
  }

  subscriberCount(topic: string): number {
    return this.#servers.reduce((count, server) => count + server.subscriberCount(topic), 0);
  }

  reload(given: unknown): this {
    const app = readAppOptions(given);
    if (!app) throw new UserError("server.reload needs an object with fetch()");
    this.#group.use(app);
    return this;
  }

  stop(): Promise<void> {
    return this.#group.askStop();
  }

  fetch(request: Request | string): unknown {
    return this.#servers[0]?.fetch(request);
  }

  /** How many there were. Those of our edge stay: it may be about to send a request. */
  closeIdleConnections(): number {
    const ofClients = this.#group.listeners.filter(({ place }) => "address" in place);
    return ofClients.reduce((closed, { server }) => closed + server.closeIdleConnections(), 0);
  }

  ref(): void {
    for (const server of this.#servers) server.ref();
  }

  unref(): void {
    for (const server of this.#servers) server.unref();
  }

  get pendingRequests(): number {
    return this.#servers.reduce((sum, server) => sum + server.pendingRequests, 0);
  }

  get pendingWebSockets(): number {
    return this.#servers.reduce((sum, server) => sum + server.pendingWebSockets, 0);
  }

  // Bun's own know only where they were opened, not what was put under them.

  get url(): URL | undefined {
    const public_ = this.#public;
    if (!public_) return undefined;
    const { hostname, port } = public_;
    return new URL(`http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}/`);
  }

  get port(): number | undefined {
    return this.#public?.port;
  }

  get address(): SocketAddress | null {
    const { hostname = null, port = 0 } = this.#public ?? {};
    return addressIn(hostname, port);
  }

  get protocol(): "http" {
    return "http";
  }

  get hostname(): string | undefined {
    return this.#public?.hostname;
  }

  /** The first address of trivet.toml. */
  get #public(): InheritedPlace | undefined {
    return this.#group.listeningPlaces.find((place) => "address" in place);
  }

  get id(): string {
    return this.#servers[0]?.id ?? "";
  }

  readonly development = false;
}

/** As Bun tells addresses; null for what is none. The edge does not tell the port. */
function addressIn(text: string | null, port = 0): SocketAddress | null {
  const version = isIP(text ?? "");
  return text && version ? { address: text, port, family: version === 6 ? "IPv6" : "IPv4" } : null;
}
