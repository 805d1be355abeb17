import { log } from "../../shared/log.ts";
import { Metrics } from "../../shared/metrics.ts";
import { receiveFds } from "../../shared/process/fd_channel.ts";
import type { Identity } from "../../shared/process/identity.ts";
import type { Detail } from "../../shared/process/message.ts";
import { type ChildRoom, ParentLink } from "../../shared/process/parent_link.ts";
import { openJobStore } from "../../shared/store/jobs/open.ts";
import type { StoreAddress } from "../../shared/store/store_address.ts";
import { stackOf } from "../../shared/thrown_value.ts";
import { sentenceOf } from "../../shared/user_error.ts";
import { enqueuedCounter } from "../sdk/enqueued_counter.ts";
import { importHandlersIfThere } from "../sdk/handlers_file.ts";
import { type JobsClient, jobsClient } from "../sdk/jobs_client.ts";
import { Shutdown } from "../sdk/shutdown.ts";
import { trivetModule } from "../sdk/trivet_module.ts";
import { folderOf, provideModules } from "../sdk/user_code.ts";
import { faultSentence } from "../sdk/user_fault.ts";
import { type StopApp, startApp } from "./app.ts";
import { faultApp } from "./fault_page.ts";
import type { InheritedPlace } from "./listener.ts";
import { RequestDeadline } from "./request_deadline.ts";
import type { ServeNotice } from "./serve_notice.ts";
import { ServerGroup } from "./server_group.ts";

export interface ServeBoot {
  app: string;
  handlers: string;
  /** The sockets of its slot. */
  listeners: InheritedPlace[];
  /** The descriptor over which others come. */
  channel: number;
  /** It is started while the whole app server leaves already. */
  leaving: LeavingOrder | undefined;
  /** Where the edge can reach it alone. */
  socket: string;
  /** The descriptor that listens there. */
  socketFd: number;
  store: StoreAddress;
  requestTimeoutMs: number;
  /** The child asks to be replaced after so many; 0: never. */
  requestsMax: number;
  keepAliveMs: number;
  /** Whom the process becomes before it reads the user's code. */
  identity: Identity | undefined;
  /** Code that can't be loaded is shown to who asks, instead of ending the process. */
  watch: boolean;
}

/** To a child. */
export type ServeOrder =
  | LeavingOrder
  | { kind: "unlisten"; addresses: string[] }
  /** Accept also for another slot; the descriptors have come over the channel. */
  | { kind: "borrow"; places: Omit<InheritedPlace, "fd">[] }
  | { kind: "give back"; slot: number };

/** The whole app server will leave: balancers should go elsewhere. */
export interface LeavingOrder {
  kind: "leaving";
  /** The sockets stay open until we are started again: what connects may wait there. */
  kept: boolean;
}

export function runChild(): void {
  const metrics = new Metrics();
  const link = new ParentLink<ServeBoot, ServeOrder, ServeNotice>("serve", metrics);
  link.run(new ServeRoom(link, metrics));
}

/** One process of the app server: the user's app behind its listeners. */
class ServeRoom implements ChildRoom<ServeBoot, ServeOrder> {
  readonly #link: ParentLink<ServeBoot, ServeOrder, ServeNotice>;
  readonly #metrics: Metrics;
  readonly #onEnqueued;
  readonly #requests;
  readonly #inFlight;
  #group: ServerGroup | undefined;
  #channel = -1;
  readonly #listening = Promise.withResolvers<ServerGroup>();
  readonly #shutdown = new Shutdown();
  #jobs: JobsClient | undefined;
  #stopApp: StopApp = async () => undefined;

  constructor(link: ParentLink<ServeBoot, ServeOrder, ServeNotice>, metrics: Metrics) {
    this.#link = link;
    this.#metrics = metrics;
    this.#onEnqueued = enqueuedCounter(metrics);
    this.#requests = metrics.counter("trivet_serve_requests_total", "Requests given to the app");
    this.#inFlight = metrics.gauge("trivet_serve_requests_in_flight", "Requests the app is working on");
    metrics.beforeSamples(() => {
      this.#inFlight.value = this.#group?.server.pendingRequests ?? 0;
    });
  }

  async boot(boot: ServeBoot): Promise<void> {
    const { app, listeners, socket, socketFd, store } = boot;
    this.#link.become(boot.identity);
    this.#channel = boot.channel;
    process.on("uncaughtException", (error: unknown) => this.#crash(error, app));
    process.on("unhandledRejection", (error: unknown) => {
      // An app that listens for them decides by itself, as without us.
      if (process.listenerCount("unhandledRejection") === 1) this.#crash(error, app);
    });
    this.#jobs = jobsClient({ openStore: () => openJobStore(store), onEnqueued: this.#onEnqueued });
    this.#shutdown.keepSignals();
    provideModules(folderOf(app), trivetModule(this.#jobs.jobs, this.#shutdown));
    const deadline = new RequestDeadline(boot.requestTimeoutMs, this.#metrics);
    const watch = { seen: () => this.#seen(boot.requestsMax), everything: boot.requestsMax > 0 };
    const places = [...listeners, { unix: socket, fd: socketFd }];
    this.#group = new ServerGroup(places, app, watch, deadline, boot.keepAliveMs);
    this.#group.onStopAsked = () => {
      log.warn("the app called server.stop(): another process takes its place");
      this.#link.leave("term");
    };
    const fault = await this.#load(boot, this.#jobs, this.#group);
    if (boot.leaving) this.receive(boot.leaving);
    this.#listening.resolve(this.#group);
    this.#link.tell({ fault: fault ?? null });
  }

  /** The sentence that says why the code can't be loaded, when it is watched; else it is thrown. */
  async #load(boot: ServeBoot, jobs: JobsClient, group: ServerGroup): Promise<string | undefined> {
    try {
      jobs.useHandlers(await importHandlersIfThere(boot.handlers));
      this.#stopApp = await startApp(boot.app, group);
      return undefined;
    } catch (error) {
      if (!boot.watch) throw error;
      const sentence = sentenceOf(error);
      const show = faultApp(sentence);
      if (group.listening) group.use(show);
      else group.listen(show);
      this.#stopApp = () => group.drain();
      return sentence;
    }
  }

  /** What comes while the app still boots is done then. */
  receive(order: ServeOrder): void {
    this.#listening.promise
      .then((group) => this.#obey(order, group))
      .catch((error: unknown) => log.error({ err: error, order: order.kind }, "could not do as told"));
  }

  async #obey(order: ServeOrder, group: ServerGroup): Promise<void> {
    switch (order.kind) {
      case "leaving":
        return group.announceLeaving(order.kept);
      case "unlisten":
        return group.leaveAddresses(order.addresses);
      case "borrow": {
        const fds = receiveFds(this.#channel, order.places.length);
        return group.borrow(order.places.map((place, i) => ({ ...place, fd: fds[i] ?? -1 })));
      }
      case "give back":
        return group.giveBack(order.slot);
    }
  }

  async drain(): Promise<void> {
    await this.#stopApp();
    await this.#shutdown.run();
    await this.#jobs?.close();
  }

  detail(): Detail {
    return { requests: this.#requests.value, inFlight: this.#group?.server.pendingRequests ?? 0 };
  }

  #seen(requestsMax: number): void {
    if (++this.#requests.value === requestsMax) this.#link.leave("max_requests");
  }

  /** What no handler caught may have left the app half-done: the supervisor starts a fresh one. */
  #crash(error: unknown, app: string): void {
    log.error({ stack: stackOf(error) }, "the app crashed");
    this.#link.fail(faultSentence(error, app));
    process.exit(1);
  }
}
