/** The listeners of one child as one server: what user code sees as `server`, and what the child drains. */
import type { Server } from "bun";
import { log } from "../../shared/log.ts";
import { closeSockets } from "../../shared/process/listen_socket.ts";
import { UserError } from "../../shared/user_error.ts";
import { faultSentence } from "../sdk/user_fault.ts";
import { type AppOptions, readAppOptions } from "./app_options.ts";
import { closeListener, sayFarewell } from "./farewell.ts";
import { KeepAlive } from "./keep_alive.ts";
import { type InheritedPlace, type Listener, openListener, type Place } from "./listener.ts";
import {
  type Bound,
  leavingHandlers,
  type RequestWatch,
  unhealthy,
  workingHandlers,
} from "./request_handlers.ts";

type BunServer = Server<unknown>;

/** By then the edge has heard, unless it is held up. */
const EDGE_MS = 200;

export class ServerGroup {
  readonly #places: readonly Place[];
  readonly #watch: RequestWatch;
  readonly #appFile: string;
  readonly #bound: Bound;
  readonly #keepAlive: KeepAlive;
  #listeners: Listener[] = [];
  #app: AppOptions | undefined;
  #unhealthy = false;
  /** The whole app server leaves: nobody takes our sockets. */
  #forGood = false;
  /** Those that let nobody new in, and tell who is there to go. */
  readonly #departing = new Set<Listener>();
  #drained: Promise<void> | undefined;
  readonly #left = Promise.withResolvers<void>();
  /** User code wants the server to stop. */
  onStopAsked: () => void = () => undefined;

  constructor(
    places: readonly Place[],
    appFile: string,
    watch: RequestWatch,
    bound: Bound,
    keepAliveMs: number,
  ) {
    this.#places = places;
    this.#appFile = appFile;
    this.#watch = watch;
    this.#keepAlive = new KeepAlive(keepAliveMs, this, (request, seconds) =>
      this.#setTimeout(request, seconds),
    );
    this.#bound = bound;
  }

  /** Whether this is one of the ports that trivet.toml names. */
  hasPort(port: number): boolean {
    return this.#places.some((place) => "port" in place && place.port === port);
  }

  get listening(): boolean {
    return this.#listeners.length > 0;
  }

  /** Opens every listener for this app. Throws a UserError when an address can't be had. */
  listen(app: AppOptions): void {
    this.#app = app;
    this.#listeners = this.#places.map((place) => openListener(place, this.#bunOptions(place, app)));
  }

  /** Balancers are told to go elsewhere, while everything is still answered. `kept`: somebody takes our sockets later. */
  announceLeaving(kept: boolean): void {
    this.#unhealthy = true;
    this.#forGood = !kept;
    this.#refresh();
  }

  /** Lets nobody new in, finishes what runs, closes the rest. Resolves when nothing is left. */
  drain(): Promise<void> {
    this.#drained ??= this.#leave();
    return this.#drained;
  }

  async #leave(): Promise<void> {
    await this.#dismiss(this.#listeners, this.#forGood);
    this.#left.resolve();
  }

  /** The same for some addresses of trivet.toml, at which nobody listens any more. */
  leaveAddresses(addresses: readonly string[]): Promise<void> {
    return this.#giveUp(({ address }) => addresses.includes(address), true);
  }

  /** Accepts for another slot too. */
  borrow(places: readonly InheritedPlace[]): void {
    const app = this.#app;
    if (!app || this.#drained) return closeSockets(places.map(({ fd }) => fd));
    this.#listeners.push(...places.map((place) => openListener(place, this.#bunOptions(place, app))));
  }

  /** The process of that slot accepts again. */
  giveBack(slot: number): Promise<void> {
    return this.#giveUp(({ lentBy }) => lentBy === slot, false);
  }

  async #giveUp(which: (place: InheritedPlace) => boolean, forGood: boolean): Promise<void> {
    const going = this.#listeners.filter(({ place }) => "address" in place && which(place));
    await this.#dismiss(going, forGood);
    this.#listeners = this.#listeners.filter((listener) => !going.includes(listener));
  }

  async #dismiss(listeners: readonly Listener[], forGood: boolean): Promise<void> {
    for (const listener of listeners) this.#departing.add(listener);
    this.#refresh();
    for (const listener of listeners) if ("address" in listener.place) listener.release(forGood);
    // The edge of the same supervisor hears of our leave when we do; until then it may open connections. One that is
    // held up has some open still, and opens others when it goes on.
    await Bun.sleep(EDGE_MS);
    await sayFarewell(listeners, this.#unhealthy);
    const privates = listeners.filter(({ place }) => "unix" in place);
    for (const listener of privates) listener.release(forGood);
    if (privates.length > 0) await sayFarewell(privates, true);
    await Promise.all(listeners.map(closeListener));
  }

  #refresh(): void {
    const app = this.#app;
    if (!app) return;
    for (const listener of this.#listeners) {
      const options = this.#bunOptions(listener.place, app, this.#departing.has(listener));
      listener.server.reload(options as never);
    }
  }

  get #servers(): BunServer[] {
    return this.#listeners.map(({ server }) => server);
  }

  #bunOptions(place: Place, app: AppOptions, departing = false): object {
    const { websocket, maxRequestBodySize } = app;
    const handlersOf = departing ? leavingHandlers : workingHandlers;
    // On the private socket only the edge connects, which has deadlines of its own.
    const isPrivate = "unix" in place;
    const bound: Bound = (handler) => {
      const own = this.#bound(handler);
      return isPrivate ? own : this.#keepAlive.watched(own);
    };
    const handlers = handlersOf(app, this, this.#watch, bound);
    return {
      ...(this.#unhealthy ? unhealthy(handlers) : handlers),
      error: app.error ?? ((error: Error) => this.#failed(error)),
      ...(websocket && { websocket }),
      ...(maxRequestBodySize !== undefined && { maxRequestBodySize }),
      development: false,
      idleTimeout: isPrivate ? 0 : this.#keepAlive.idleTimeoutS,
    };
  }

  #failed(error: Error): Response {
    log.error({ stack: error.stack }, faultSentence(error, this.#appFile));
    return new Response("Internal Server Error", { status: 500 });
  }

  // What follows is Bun's Server as user code knows it. A request belongs to one listener and the others refuse it.

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

  requestIP(request: Request): unknown {
    for (const { server } of this.#listeners) {
      const address = server.requestIP(request);
      if (address) return address;
    }
    return null;
  }

  timeout(request: Request, seconds: number): void {
    this.#keepAlive.release(request);
    this.#setTimeout(request, seconds);
  }

  #setTimeout(request: Request, seconds: number): void {
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
    this.#app = app;
    this.#refresh();
    return this;
  }

  /** The kernel would go on giving us connections: another process must take our place first. */
  stop(): Promise<void> {
    if (!this.#drained) this.onStopAsked();
    return this.#left.promise;
  }

  fetch(request: Request | string): unknown {
    return this.#servers[0]?.fetch(request);
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

  get hostname(): string | undefined {
    return this.#public?.hostname;
  }

  /** The first address of trivet.toml. */
  get #public(): InheritedPlace | undefined {
    const places = this.listening ? this.#listeners.map(({ place }) => place) : this.#places;
    return places.find((place) => "address" in place);
  }

  get id(): string {
    return this.#servers[0]?.id ?? "";
  }

  readonly development = false;
}
