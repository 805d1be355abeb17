/** The listeners of one child as one server: what the child opens, lends and drains. */
import type { Server as HttpServer } from "node:http";
import { log } from "../../shared/log.ts";
import { closeSockets } from "../../shared/process/listen_socket.ts";
import { stackOf } from "../../shared/thrown_value.ts";
import { faultSentence } from "../sdk/user_fault.ts";
import type { AppOptions, FetchHandler } from "./app_options.ts";
import { AppServer } from "./app_server.ts";
import { closeListener, sayFarewell } from "./farewell.ts";
import { KeepAlive } from "./keep_alive.ts";
import {
  type InheritedPlace,
  type Listener,
  type OpenServer,
  openListener,
  type Place,
  serverWith,
} from "./listener.ts";
import { NodeApp } from "./node_app.ts";
import { NodeRequests, type NodeRules } from "./node_requests.ts";
import type { RequestDeadline } from "./request_deadline.ts";
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
  readonly #deadline: RequestDeadline;
  readonly #keepAliveMs: number;
  readonly #keepAlive: KeepAlive;
  #listeners: Listener[] = [];
  #app: AppOptions | NodeApp | undefined;
  readonly #listened = Promise.withResolvers<void>();
  /** That fetch() answers by GET, beside those that the app's options tell. */
  #paths: readonly string[] = [];
  #unhealthy = false;
  /** The whole app server leaves: nobody takes our sockets. */
  #forGood = false;
  /** Those that let nobody new in, and tell who is there to go. */
  readonly #departing = new Set<Place>();
  #drained: Promise<void> | undefined;
  readonly #left = Promise.withResolvers<void>();
  /** User code wants the server to stop. */
  onStopAsked: () => void = () => undefined;

  constructor(
    places: readonly Place[],
    appFile: string,
    watch: RequestWatch,
    deadline: RequestDeadline,
    keepAliveMs: number,
  ) {
    this.#places = places;
    this.#appFile = appFile;
    this.#watch = watch;
    this.server = new AppServer(this);
    this.#keepAlive = new KeepAlive(keepAliveMs, this.server, (request, seconds) =>
      this.server.setTimer(request, seconds),
    );
    this.#deadline = deadline;
    this.#keepAliveMs = keepAliveMs;
    // Nobody may be waiting for it.
    this.#listened.promise.catch(() => undefined);
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
    this.#open(app);
  }

  /** The same for a server of node:http that wants to listen. What is wrong is thrown by whenListening(). */
  listenNode(server: HttpServer): void {
    try {
      if (!this.listening) {
        const requests = new NodeRequests(server, () => this.#watch.seen(), this.#deadline);
        this.#open(new NodeApp(server, requests));
      }
      this.#presentTo(server);
    } catch (error) {
      this.refuse(error);
    }
  }

  /** Why this app can't be run. */
  refuse(reason: unknown): void {
    this.#listened.reject(reason);
  }

  /** Resolves when the app listens; throws what it was refused for. */
  whenListening(): Promise<void> {
    return this.#listened.promise;
  }

  #open(app: AppOptions | NodeApp): void {
    this.#app = app;
    this.#listeners = this.#places.map((place) => openListener(place, this.#openerAt(place, app)));
    this.#listened.resolve();
  }

  #openerAt(place: Place, app: AppOptions | NodeApp): OpenServer {
    if (!(app instanceof NodeApp)) return serverWith(this.#bunOptions(place, app));
    const isPrivate = "unix" in place;
    const rules: NodeRules = {
      isPrivate,
      departing: () => this.#departing.has(place),
      unhealthy: () => this.#unhealthy,
    };
    return app.opener(rules, isPrivate ? 0 : this.#keepAliveMs);
  }

  /** A server of node:http is told that it listens, and knows where; its close() is the stop of ours. */
  #presentTo(server: HttpServer): void {
    Object.defineProperties(server, {
      listening: { configurable: true, get: () => this.listening },
      address: { configurable: true, value: () => this.server.address },
      close: {
        configurable: true,
        value: (done?: () => void) => {
          if (done) server.once("close", done);
          void this.askStop().then(() => server.emit("close"));
          return server;
        },
      },
    });
    server.emit("listening");
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
    this.#listeners.push(...places.map((place) => openListener(place, this.#openerAt(place, app))));
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
    for (const { place } of listeners) this.#departing.add(place);
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
    // One of node:http asks at each request.
    if (!app || app instanceof NodeApp) return;
    for (const { place, server } of this.#listeners) server.reload(this.#bunOptions(place, app) as never);
  }

  #bunOptions(place: Place, app: AppOptions): object {
    const { websocket, maxRequestBodySize } = app;
    const handlersOf = this.#departing.has(place) ? leavingHandlers : workingHandlers;
    // On the private socket only the edge connects, which has deadlines of its own.
    const isPrivate = "unix" in place;
    const bound: Bound = (handler) => {
      const own = this.#deadline.bound(handler);
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
