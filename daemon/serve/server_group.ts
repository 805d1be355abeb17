/** The listeners of one child as one server: what the child opens, lends and drains. */
import { log } from "../../shared/log.ts";
import { closeSockets } from "../../shared/process/listen_socket.ts";
import { stackOf } from "../../shared/thrown_value.ts";
import { faultSentence } from "../sdk/user_fault.ts";
import type { AppOptions, FetchHandler } from "./app_options.ts";
import { AppServer } from "./app_server.ts";
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

/** By then the edge has heard, unless it is held up. */
const EDGE_MS = 200;

export class ServerGroup {
  /** What user code sees. */
  readonly server: AppServer;
  readonly #places: readonly Place[];
  readonly #watch: RequestWatch;
  readonly #appFile: string;
  readonly #bound: Bound;
  readonly #keepAlive: KeepAlive;
  #listeners: Listener[] = [];
  #app: AppOptions | undefined;
  /** That fetch() answers by GET, beside those that the app's options tell. */
  #paths: readonly string[] = [];
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
    this.server = new AppServer(this);
    this.#keepAlive = new KeepAlive(keepAliveMs, this.server, (request, seconds) =>
      this.server.setTimer(request, seconds),
    );
    this.#bound = bound;
  }

  /** Whether this is one of the ports that trivet.toml names. */
  hasPort(port: number): boolean {
    return this.#places.some((place) => "port" in place && place.port === port);
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  /** Where it listens; where it will, before listen(). */
  get listeningPlaces(): readonly Place[] {
    return this.listening ? this.#listeners.map(({ place }) => place) : this.#places;
  }

  get listening(): boolean {
    return this.#listeners.length > 0;
  }

  /** Opens every listener for this app. Throws a UserError when an address can't be had. */
  listen(app: AppOptions): void {
    this.#app = app;
    this.#listeners = this.#places.map((place) => openListener(place, this.#bunOptions(place, app)));
  }

  /** Answers by this app from now on. */
  use(app: AppOptions): void {
    this.#app = app;
    this.#refresh();
  }

  /** The app answers GET there. */
  learnPaths(paths: readonly string[]): void {
    this.#paths = paths;
    this.#refresh();
  }

  /** The app sets the timer of this request by itself. */
  releaseTimer(request: Request): void {
    this.#keepAlive.release(request);
  }

  /** User code wants the server to stop. The kernel would go on giving us connections: another process must take our place first. */
  askStop(): Promise<void> {
    if (!this.#drained) this.onStopAsked();
    return this.#left.promise;
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

  #bunOptions(place: Place, app: AppOptions, departing = false): object {
    const { websocket, maxRequestBodySize } = app;
    const handlersOf = departing ? leavingHandlers : workingHandlers;
    // On the private socket only the edge connects, which has deadlines of its own.
    const isPrivate = "unix" in place;
    const bound: Bound = (handler) => {
      const own = this.#bound(handler);
      return isPrivate ? this.#fromEdge(own) : this.#keepAlive.watched(own);
    };
    const paths = [...app.paths, ...this.#paths];
    const handlers = handlersOf({ ...app, paths }, this.server, this.#watch, bound);
    return {
      ...(this.#unhealthy ? unhealthy(handlers) : handlers),
      error: app.error ?? ((error: Error) => this.#failed(error)),
      ...(websocket && { websocket }),
      ...(maxRequestBodySize !== undefined && { maxRequestBodySize }),
      development: false,
      idleTimeout: isPrivate ? 0 : this.#keepAlive.idleTimeoutS,
    };
  }

  #fromEdge(handler: FetchHandler): FetchHandler {
    return (request, server) => {
      this.server.cameFromEdge(request);
      return handler(request, server);
    };
  }

  #failed(error: Error): Response {
    log.error({ stack: stackOf(error) }, faultSentence(error, this.#appFile));
    return new Response("Internal Server Error", { status: 500 });
  }
}
