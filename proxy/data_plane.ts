import { openLineSink } from "../shared/line_sink.ts";
import { LineWriter } from "../shared/line_writer.ts";
import { log } from "../shared/log.ts";
import type { Counter, Metrics } from "../shared/metrics.ts";
import { receiveFds } from "../shared/process/fd_channel.ts";
import { closeSockets } from "../shared/process/listen_socket.ts";
import type { Detail } from "../shared/process/message.ts";
import { SeenTime } from "../shared/process/seen_time.ts";
import { stdoutIsTerminal } from "../shared/terminal.ts";
import { AccessLog } from "./access_log.ts";
import { Backend } from "./backend.ts";
import { IN_FLIGHT, QUEUED } from "./backend_views.ts";
import { Edge } from "./edge.ts";
import { EdgeCounts } from "./edge_counts.ts";
import { edgeTimeouts } from "./edge_timeouts.ts";
import { admitWaiting } from "./exchange.ts";
import { descriptorsFree } from "./gate.ts";
import { Listener } from "./listener.ts";
import type { BackendPlan, MemberState, ProxyBoot, ProxyPlan, RoutePlan } from "./plan.ts";
import type { ProxyUp } from "./proxy_up.ts";
import { Queue } from "./queue.ts";
import { RequestIds } from "./request_id.ts";
import { routeRules } from "./route_rules.ts";
import { type Route, Router } from "./router.ts";
import { Server } from "./server.ts";
import { ServerErrors } from "./server_errors.ts";
import { ServerReports } from "./server_reports.ts";
import { StatusCounts } from "./status_counts.ts";

/** How long an idle client may still use its connection before we close it on drain. */
const IDLE_GRACE_MS = 1000;
const DRAIN_POLL_MS = 20;
/** After the drain deadline, for the answers that say so to leave. */
const LAST_WORDS_MS = 200;
const SECOND_MS = 1000;
/** Being full is said once in this time, however often the door turns. */
const SAY_FULL_MS = 60_000;

/** What one data-plane process runs: listeners, and the edge with the backends and routes of the plan in force. */
export class DataPlane {
  readonly #metrics: Metrics;
  readonly #edge: Edge;
  readonly #ids = new RequestIds();
  readonly #slot: number;
  readonly #channel: number;
  readonly #tell: (up: ProxyUp) => void;
  #listeners: Listener[] = [];
  #backends = new Map<string, Backend>();
  #accessLog: AccessLog | undefined;
  /** What the access log in force was opened by. */
  #logKey = "";
  readonly #logLinesDropped: Counter;
  #drainTimeoutMs = 0;
  /** What connects waits until we have ended. */
  #hurried = false;
  #fullSaidMs = Number.NEGATIVE_INFINITY;
  readonly #descriptors = descriptorsFree();

  constructor(
    { plan, sockets, channel }: ProxyBoot,
    slot: number,
    metrics: Metrics,
    tell: (up: ProxyUp) => void,
  ) {
    this.#tell = tell;
    this.#metrics = metrics;
    this.#slot = slot;
    this.#channel = channel;
    this.#logLinesDropped = metrics.counter(
      "trivet_proxy_log_lines_dropped_total",
      "Access log lines lost to a reader that was gone or too slow, or to a full disk.",
    );
    this.#edge = new Edge(
      new EdgeCounts(metrics),
      this.#ids,
      (open) => this.#turn(open),
      () => this.#admitAll(),
    );
    this.#adopt(plan);
    metrics.beforeSamples(() => this.#showInFlight());
    setInterval(() => this.#everySecond(), SECOND_MS);
    for (const { address, fd } of sockets) this.#listen(address, fd);
  }

  /**
   * Puts a new plan in force between two events: no exchange sees half of it. Connections, tunnels and the connections
   * to servers that stay live on. Throws, with the old plan in force, when the new one's log can't be opened.
   */
  apply(plan: ProxyPlan, added: readonly string[]): void {
    const fds = receiveFds(this.#channel, added.length);
    try {
      this.#adopt(plan);
    } catch (error) {
      // Else the kernel would keep those who connect there waiting.
      closeSockets(fds);
      throw error;
    }
    added.forEach((address, i) => {
      this.#listen(address, fds[i]);
    });
    const stays = ({ address }: Listener) => plan.listeners.includes(address);
    for (const gone of this.#listeners.filter((listener) => !stays(listener))) gone.close();
    this.#listeners = this.#listeners.filter(stays);
  }

  setMembers(name: string, members: readonly MemberState[]): void {
    const backend = this.#backends.get(name);
    backend?.setMembers(members);
    if (backend) admitWaiting(backend);
    this.#countUp();
  }

  /** The access log's file was moved away: goes on in a new one. */
  reopenLog(): void {
    this.#accessLog?.reopen();
  }

  /** Accepts nothing new, and returns when the last session has ended, or was ended at the deadline. */
  async drain(): Promise<void> {
    const edge = this.#edge;
    edge.draining = true;
    for (const listener of this.#listeners) listener.close();
    this.#listeners = [];
    const grace = new SeenTime(DRAIN_POLL_MS);
    const deadlineMs = performance.now() + this.#drainTimeoutMs;
    while (edge.deadlines.size > 0 && performance.now() < deadlineMs) {
      if (grace.reaches(IDLE_GRACE_MS)) edge.closeIdle();
      if (this.#hurried && edge.hasOnlyLasting()) break;
      await Bun.sleep(DRAIN_POLL_MS);
    }
    edge.endAll();
    if (edge.deadlines.size > 0) await Bun.sleep(LAST_WORDS_MS);
    edge.closeAll();
    await this.#accessLog?.close();
  }

  /** Health says no from now on. */
  announceLeaving(): void {
    this.#edge.health.leaving = true;
  }

  hurry(): void {
    this.#hurried = true;
  }

  detail(): Detail {
    return { connections: this.#edge.deadlines.size, logLinesDropped: this.#logLinesDropped.value };
  }

  #adopt(plan: ProxyPlan): void {
    this.#openLog(plan);
    const before = this.#backends;
    this.#backends = new Map(
      plan.backends.map((backend) => [backend.name, this.#backend(backend, plan.processes)]),
    );
    for (const [name, backend] of before) if (!this.#backends.has(name)) backend.retire();
    const routes = plan.routes.map((route) => this.#route(route, plan));
    this.#countUp();
    this.#edge.adopt(plan.settings, new Router(routes), this.#accessLog);
    this.#edge.gate.adopt({ clientsMax: plan.settings.max_connections, descriptorsMax: this.#descriptors });
  }

  #route(route: RoutePlan, { backends, settings }: ProxyPlan): Route {
    const { host, pathPrefix, methods, backend = "" } = route;
    const label = `${methods.length > 0 ? `${methods.join("|")} ` : ""}${host ?? ""}${pathPrefix}`;
    const own = backends.find(({ name }) => name === backend)?.timeouts;
    return {
      host,
      pathPrefix,
      methods,
      backend: this.#backends.get(backend),
      rules: routeRules(route),
      counts: this.#edge.counts.ofRoute(label, backend),
      timeouts: edgeTimeouts(settings.timeouts, own),
    };
  }

  /** The one of this name if there is one: its servers keep their connections. */
  #backend(plan: BackendPlan, processes: number): Backend {
    const backend = this.#backends.get(plan.name) ?? this.#newBackend(plan.name);
    backend.adopt(plan, processes);
    admitWaiting(backend);
    return backend;
  }

  #newBackend(name: string): Backend {
    const queue = new Queue(
      this.#metrics.gauge(QUEUED, "Requests that wait for a server with room.", {
        backend: name,
      }),
      this.#metrics.histogram("trivet_proxy_queue_seconds", "How long those that had to wait did.", {
        backend: name,
      }),
    );
    const make = ({ address, label = address, ofServe = false }: MemberState) =>
      new Server(address, this.#serverCounters(name, label), ofServe ? label : null);
    const backend = new Backend(name, make, this.#slot, queue);
    const reports = new ServerReports(name, this.#tell);
    backend.onSeen = (server, enough) => reports.note(server, enough);
    return backend;
  }

  #openLog({ settings }: ProxyPlan): void {
    const { access_log: format, access_log_to: target } = settings;
    this.#drainTimeoutMs = settings.drain_timeout;
    const key = format === "off" ? "" : `${format} ${target}`;
    if (key === this.#logKey) return;
    const before = this.#accessLog;
    const watched = format === "json" && target === "stdout" && stdoutIsTerminal();
    this.#accessLog =
      format === "off"
        ? undefined
        : new AccessLog(
            watched ? "watched" : format,
            new LineWriter(openLineSink(target), this.#logLinesDropped),
            this.#ids,
          );
    this.#logKey = key;
    void before?.close();
  }

  #listen(address: string, fd: number | undefined): void {
    if (fd === undefined) return;
    const listener = new Listener(address, fd, this.#edge);
    this.#listeners.push(listener);
    if (this.#edge.gate.open) listener.accept();
  }

  #turn(open: boolean): void {
    if (!open && performance.now() - this.#fullSaidMs > SAY_FULL_MS) {
      this.#fullSaidMs = performance.now();
      log.warn({ connections: this.#edge.deadlines.size }, "full: new connections wait");
    }
    for (const listener of this.#listeners) {
      if (open) listener.accept();
      else listener.pause();
    }
    // Idle connections to servers are a comfort; clients that wait need the descriptors.
    if (!open)
      for (const { servers } of this.#backends.values()) for (const server of servers) server.closeIdle();
  }

  /** After the event that made room: its own story is still being told. */
  #admitAll(): void {
    queueMicrotask(() => {
      for (const backend of this.#backends.values()) admitWaiting(backend);
    });
  }

  #countUp(): void {
    let up = 0;
    for (const { usable } of this.#backends.values()) up += usable.length;
    this.#edge.health.serversUp = up;
  }

  #everySecond(): void {
    const { nowMs } = this.#edge.deadlines;
    this.#edge.lookAtPaused();
    for (const backend of this.#backends.values()) {
      backend.tick();
      for (const server of backend.servers) server.expireIdle(nowMs);
    }
  }

  #showInFlight(): void {
    for (const { servers } of this.#backends.values())
      for (const { counters, active } of servers) counters.inFlight.value = active;
  }

  #serverCounters(backend: string, server: string) {
    const counter = (name: string, help: string) =>
      this.#metrics.counter(`trivet_proxy_server_${name}_total`, help, { backend, server });
    const statuses = new StatusCounts(
      this.#metrics,
      "trivet_proxy_server_responses_total",
      "Answers of the server.",
      {
        backend,
        server,
      },
    );
    const errors = new ServerErrors(this.#metrics, { backend, server });
    return {
      requests: counter("requests", "Requests given to the server, retries included."),
      failures: counter("failures", "Attempts that ended without an answer of the server."),
      connections: counter("connections", "Connections opened to the server."),
      reuses: counter("reuses", "Requests sent on a connection that was open already."),
      inFlight: this.#metrics.gauge(IN_FLIGHT, "Requests in the server's hands.", { backend, server }),
      errors,
      answered: (status: number) => {
        statuses.count(status);
        errors.answered(status);
      },
    };
  }
}
