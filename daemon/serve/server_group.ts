/** The listeners of one child as one server: what user code sees as `server`, and what the child drains. */
import type { Server } from "bun";
import { log } from "../../shared/log.ts";
import { stopNewConnections } from "../../shared/process/listen_socket.ts";
import { UserError } from "../../shared/user_error.ts";
import { faultSentence } from "../sdk/user_fault.ts";
import { type AppOptions, readAppOptions } from "./app_options.ts";
import { KeepAlive } from "./keep_alive.ts";
import { fdsOnPorts } from "./listener_fds.ts";
import { type Bound, leavingHandlers, type RequestWatch, workingHandlers } from "./request_handlers.ts";

export type Place = { hostname: string; port: number } | { unix: string };
type BunServer = Server<unknown>;

/** Time for those who are already connected to learn that they must go, and for the accept queue to empty. */
const FAREWELL_MS = 100;
const POLL_MS = 20;
/** Kept, since serve_capture.ts puts its own in this place. */
const bunServe = Bun.serve;

export class ServerGroup {
  readonly #places: readonly Place[];
  readonly #watch: RequestWatch;
  readonly #appFile: string;
  readonly #bound: Bound;
  readonly #keepAlive: KeepAlive;
  #servers: BunServer[] = [];
  #app: AppOptions | undefined;
  #drained: Promise<void> | undefined;

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
    this.#bound = (handler) => this.#keepAlive.watched(bound(handler));
  }

  get listening(): boolean {
    return this.#servers.length > 0;
  }

  /** Opens every listener for this app. Throws a UserError when an address can't be had. */
  listen(app: AppOptions): void {
    this.#app = app;
    this.#servers = this.#places.map((place) => open(place, this.#bunOptions(place, app)));
  }

  /** Lets nobody new in, finishes what runs, closes the rest. Resolves when nothing is left. */
  drain(): Promise<void> {
    this.#drained ??= this.#leave();
    return this.#drained;
  }

  async #leave(): Promise<void> {
    const app = this.#app;
    if (!app) return;
    this.#reload(app, true);
    // Connections that were accepted from there get the filter too: to them no SYN comes.
    stopNewConnections(fdsOnPorts(new Set(this.#servers.flatMap(({ port }) => (port ? [port] : [])))));
    await Bun.sleep(FAREWELL_MS);
    await Promise.all(this.#servers.map(close));
  }

  #reload(app: AppOptions, leaving = false): void {
    for (const [i, place] of this.#places.entries())
      this.#servers[i]?.reload(this.#bunOptions(place, app, leaving) as never);
  }

  #bunOptions(place: Place, app: AppOptions, leaving = false): object {
    const { websocket, maxRequestBodySize } = app;
    return {
      ...(leaving ? leavingHandlers : workingHandlers)(app, this, this.#watch, this.#bound),
      error: app.error ?? ((error: Error) => this.#failed(error)),
      ...(websocket && { websocket }),
      ...(maxRequestBodySize !== undefined && { maxRequestBodySize }),
      development: false,
      // On the private socket only the edge connects, which has deadlines of its own.
      idleTimeout: "unix" in place ? 0 : this.#keepAlive.idleTimeoutS,
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
    for (const server of this.#servers) {
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
    this.#reload(app);
    return this;
  }

  stop(): Promise<void> {
    return this.drain();
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

  get url(): URL | undefined {
    return this.#servers[0]?.url;
  }

  get port(): number | undefined {
    return this.#servers[0]?.port;
  }

  get hostname(): string | undefined {
    return this.#servers[0]?.hostname;
  }

  get id(): string {
    return this.#servers[0]?.id ?? "";
  }

  readonly development = false;
}

function open(place: Place, options: object): BunServer {
  try {
    return bunServe({ ...options, ...place, ...("port" in place && { reusePort: true }) } as never);
  } catch (error) {
    const where = "unix" in place ? place.unix : `${place.hostname}:${place.port}`;
    throw new UserError(
      `can't listen on ${where}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

async function close(server: BunServer): Promise<void> {
  const stopped = server.stop();
  while (server.pendingRequests > 0 || server.pendingWebSockets > 0) await Bun.sleep(POLL_MS);
  // Connections that never sent a request would hold it for another 12 s.
  await Promise.race([stopped, server.stop(true)]);
}
