import { basename } from "node:path";
import type { Config, ServeConfig } from "../../shared/config/schema.ts";
import { log } from "../../shared/log.ts";
import type { Sample } from "../../shared/metrics.ts";
import type { Child } from "../../shared/process/child.ts";
import type { Surroundings } from "../../shared/process/child_program.ts";
import { FIRST_FD } from "../../shared/process/child_program.ts";
import type { ChildSocket } from "../../shared/process/child_socket.ts";
import { type ChildStatus, Fleet } from "../../shared/process/fleet.ts";
import { folderOfUser } from "../../shared/process/folder_trust.ts";
import { type Identity, identityOf, knownIdentity } from "../../shared/process/identity.ts";
import { parseAddress } from "../../shared/process/listen_socket.ts";
import { addressOfListener, ListenerSet } from "../../shared/process/listener_set.ts";
import type { Mode } from "../../shared/process/mode.ts";
import { requestLimit } from "../../shared/process/recycle.ts";
import type { Site } from "../../shared/process/site.ts";
import { checkStore } from "../../shared/store/main.ts";
import type { StoreAddress } from "../../shared/store/store_address.ts";
import { UserError } from "../../shared/user_error.ts";
import { loadingPlace } from "../sdk/user_fault.ts";
import { surroundingsOf } from "../sdk/user_surroundings.ts";
import type { LeavingOrder, ServeBoot, ServeOrder } from "./child.ts";
import { Lending } from "./lending.ts";
import { PrivateSockets } from "./private_sockets.ts";
import { readServeNotice, type ServeNotice } from "./serve_notice.ts";
import { addressesOf, deadlinesOf, recycleLimitsOf, slotsOf } from "./serve_settings.ts";

type ServeChild = Child<ServeBoot, ServeOrder, ServeNotice>;

/** The app server. `onSockets` gets the private sockets of the children that should be given requests, at every change. */
export function serveMode(
  site: Site,
  store: StoreAddress,
  onSockets: (sockets: ChildSocket[]) => void,
): Mode {
  return new ServeMode(site, store, onSockets);
}

class ServeMode implements Mode {
  readonly name = "serve";
  readonly #site: Site;
  #config: ServeConfig;
  /** Schemas of payloads come from there. */
  #handlers: string;
  #surroundings: Surroundings = {};
  readonly #store: StoreAddress;
  readonly #onSockets: (sockets: ChildSocket[]) => void;
  readonly #fleet: Fleet<ServeBoot, ServeOrder, ServeNotice>;
  readonly #lending: Lending<ServeChild>;
  readonly #sockets: PrivateSockets;
  readonly #listeners: ListenerSet;
  #leaving: LeavingOrder | undefined;
  #identity: Identity | undefined;
  /** What the newest child shows instead of the app. */
  #fault: string | undefined;

  constructor(site: Site, store: StoreAddress, onSockets: (sockets: ChildSocket[]) => void) {
    const { serve } = site.config;
    this.#site = site;
    this.#sockets = new PrivateSockets(site.runDir);
    this.#config = serve;
    this.#handlers = site.config.worker.handlers;
    this.#store = store;
    this.#onSockets = onSockets;
    const slots = slotsOf(serve);
    this.#listeners = new ListenerSet("serve", slots, site.legacy, serve.backlog);
    this.#fleet = new Fleet({
      kind: "serve",
      title: () => basename(this.#config.app),
      slots,
      deadlines: () => deadlinesOf(this.#config),
      whileLoading: (sentence) =>
        `${loadingPlace(this.#config.app)}: ${sentence}, while this file was loaded`,
      limits: () => recycleLimitsOf(this.#config),
      boot: (slot) => this.#boot(slot),
      fds: (slot) => this.#socketsOf(slot).map(({ fd }) => fd),
      given: ({ socket }) => [this.#sockets.open(socket, this.#edgeGroup())],
      channel: true,
      surroundings: () => this.#surroundings,
      read: (body, { state, boot }) => (state === "starting" ? readServeNotice(body, boot.watch) : undefined),
      onMessage: (_, { fault }) => {
        this.#fault = fault ?? undefined;
      },
      onReady: () => this.#announce(),
      onRefused: ({ socket }) => this.#sockets.remove(socket),
      onGone: ({ boot }) => {
        this.#sockets.remove(boot.socket);
        this.#announce();
      },
    });
    this.#lending = new Lending({
      slots: () => this.#fleet.size,
      ready: () => this.#fleet.ready(),
      lend: (slot, to) => this.#lend(slot, to),
      giveBack: (slot, from) => from.tell({ kind: "give back", slot }),
      changed: () => this.#announce(),
    });
  }

  async start(): Promise<void> {
    this.#identity = identityOf("serve", this.#config);
    this.#surroundings = surroundingsOf("serve", this.#site.config);
    this.#checkRunDir();
    await checkStore(this.#store);
    this.#listeners.add(addressesOf(this.#config));
    this.#sockets.tidy();
    await this.#fleet.start();
    this.#lending.start();
    if (this.#fault) log.error(this.#fault);
  }

  /** Loads the app's code anew, child by child: when the first new one can't boot, nothing has changed. */
  async reload(config: Config): Promise<void> {
    const { serve, worker } = config;
    const surroundings = surroundingsOf("serve", config);
    const surroundingsBefore = this.#surroundings;
    const before = this.#config;
    const handlersBefore = this.#handlers;
    if (serve.user !== before.user || serve.group !== before.group) {
      throw new UserError(
        "serve.user and serve.group can't be changed by a reload: restart, or set them back",
      );
    }
    const addressesBefore = this.#listeners.addresses;
    const addresses = addressesOf(serve);
    const added = this.#listeners.add(addresses);
    this.#config = serve;
    this.#handlers = worker.handlers;
    this.#surroundings = surroundings;
    this.#listeners.backlog = serve.backlog;
    try {
      await this.#fleet.roll();
    } catch (error) {
      this.#config = before;
      this.#handlers = handlersBefore;
      this.#surroundings = surroundingsBefore;
      this.#listeners.backlog = before.backlog;
      await this.#unlisten(added);
      throw error;
    }
    await this.#unlisten(addressesBefore.filter((address) => !addresses.includes(address)));
    if (serve.workers !== before.workers) await this.#scaleTo(slotsOf(serve));
    if (this.#fault) throw new UserError(this.#fault);
  }

  children(): Promise<ChildStatus[]> {
    return this.#fleet.status();
  }

  async status(): Promise<Record<string, unknown>> {
    const listen = this.#listeners.bound.map(({ address, port }) =>
      addressOfListener(address).replace(/\d+$/, String(port)),
    );
    return { app: this.#config.app, listen, ready: this.#fleet.ready().length };
  }

  samples(): Promise<Sample[]> {
    return this.#fleet.samples();
  }

  settle(): void {
    this.#fleet.settle();
  }

  complaint(): string | undefined {
    return this.#fleet.complaint();
  }

  async scale(by: 1 | -1): Promise<number> {
    if (by > 0) {
      this.#listeners.grow();
      try {
        await this.#fleet.grow();
      } catch (error) {
        this.#listeners.shrink();
        throw error;
      }
      return this.#fleet.size;
    }
    if (this.#fleet.size === 1) throw new UserError("the last process of the app stays: TERM ends all");
    await this.#listeners.quietLast();
    // Nobody takes its sockets: what waits there is its own.
    this.#fleet.last?.tell({ kind: "leaving", kept: false });
    await this.#fleet.shrink();
    this.#announce();
    this.#listeners.shrink();
    return this.#fleet.size;
  }

  async #scaleTo(processes: number): Promise<void> {
    while (this.#fleet.size < processes) await this.scale(1);
    while (this.#fleet.size > processes) await this.scale(-1);
  }

  /** Nobody listens there any more; who is connected there finishes. */
  async #unlisten(addresses: string[]): Promise<void> {
    if (addresses.length === 0) return;
    const others = this.#listeners.addresses.filter((address) => !addresses.includes(address));
    await this.#listeners.quietAllBut(others);
    this.#fleet.broadcast({ kind: "unlisten", addresses });
    this.#listeners.keepOnly(others);
  }

  bequest() {
    return this.#listeners.bequest();
  }

  leaving(kept: boolean): void {
    this.#leaving = { kind: "leaving", kept };
    this.#fleet.broadcast(this.#leaving);
  }

  async drain(succeeded: boolean, kept: boolean): Promise<void> {
    const { shutdown_delay: delayMs, drain_timeout: drainMs } = this.#config;
    if (!succeeded) await Bun.sleep(delayMs);
    if (!succeeded && !kept) await this.#listeners.quietAllBut([]);
    this.#onSockets([]);
    this.#lending.stop();
    const drained = this.#fleet.drain(drainMs);
    this.#listeners.keepOnly([]);
    await drained;
    this.#sockets.removeAll();
  }

  kill(): void {
    this.#lending.stop();
    this.#fleet.kill();
    this.#listeners.keepOnly([]);
    this.#sockets.removeAll();
  }

  /** The sockets of a slot in the order of trivet.toml; those it names no more are last. */
  #socketsOf(slot: number) {
    const addresses = addressesOf(this.#config);
    const place = (address: string) => addresses.indexOf(address) + 1 || addresses.length + 1;
    return this.#listeners.socketsOf(slot).toSorted((a, b) => place(a.address) - place(b.address));
  }

  #placesOf(slot: number) {
    return this.#socketsOf(slot).map(({ address, port }) => ({
      ...{ address, port },
      hostname: parseAddress(addressOfListener(address)).host,
    }));
  }

  #lend(slot: number, to: ServeChild): void {
    log.info({ slot, child: to.pid }, "no process of this slot answers: another takes its connections");
    to.sendFds(this.#socketsOf(slot).map(({ fd }) => fd));
    to.tell({ kind: "borrow", places: this.#placesOf(slot).map((place) => ({ ...place, lentBy: slot })) });
  }

  #boot(slot: number): ServeBoot {
    const { app, request_timeout: requestTimeoutMs } = this.#config;
    const listeners = this.#placesOf(slot).map((place, i) => ({ ...place, fd: FIRST_FD + i }));
    const socketFd = FIRST_FD + listeners.length;
    return {
      app,
      handlers: this.#handlers,
      listeners,
      channel: socketFd + 1,
      leaving: this.#leaving,
      ...{ socket: this.#sockets.newPath(), socketFd },
      store: this.#store,
      requestTimeoutMs,
      requestsMax: requestLimit(this.#config.max_requests, this.#config.max_requests_jitter, Math.random()),
      keepAliveMs: this.#config.keep_alive,
      identity: this.#identity,
      watch: this.#site.config.serve.watch,
    };
  }

  /** The edge goes to the sockets that lie there: the app's user must not be able to say where those lead. */
  #checkRunDir(): void {
    // With another group alone it is root all the same.
    if (!this.#identity || this.#identity.uid === 0) return;
    const folder = folderOfUser(this.#site.runDir, this.#identity);
    if (folder === undefined) return;
    throw new UserError(
      `serve.user "${this.#config.user}" may change what lies in ${folder}, where the sockets of admin.dir are found: set admin.dir to a folder that it may not write to, like /run/trivet`,
    );
  }

  /** Of those that connect to the private sockets, where they are not what we are. */
  #edgeGroup(): number | undefined {
    return knownIdentity("proxy", this.#site.config.proxy)?.gid;
  }

  #announce(): void {
    this.#onSockets(this.#sockets.of(this.#lending.answering()));
  }
}
