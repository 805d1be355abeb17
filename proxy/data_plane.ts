import type { TCPSocketListener } from "bun";
import type { Metrics } from "../shared/metrics.ts";
import { receiveFds } from "../shared/process/fd_channel.ts";
import { AccessLog } from "./access_log.ts";
import { Backend } from "./backend.ts";
import { clientHandlers } from "./client_handlers.ts";
import { Edge } from "./edge.ts";
import { EdgeCounts } from "./edge_counts.ts";
import type { BackendPlan, MemberState, ProxyBoot, ProxyPlan } from "./plan.ts";
import { RequestIds } from "./request_id.ts";
import { Router } from "./router.ts";
import { Server } from "./server.ts";
import type { Session } from "./session.ts";

/** How long an idle client may still use its connection before we close it on drain. */
const IDLE_GRACE_MS = 1000;
const DRAIN_POLL_MS = 20;
const IDLE_SWEEP_MS = 1000;

/** What one data-plane process runs: listeners, and the edge with the backends and routes of the plan in force. */
export class DataPlane {
  readonly #metrics: Metrics;
  readonly #edge: Edge;
  readonly #ids = new RequestIds();
  readonly #slot: number;
  readonly #channel: number;
  #listeners: { address: string; listener: TCPSocketListener<Session> }[] = [];
  #backends = new Map<string, Backend>();
  #accessLog: AccessLog | undefined;
  /** What the access log in force was opened by. */
  #logTarget = "";

  constructor({ plan, sockets, channel }: ProxyBoot, slot: number, metrics: Metrics) {
    this.#metrics = metrics;
    this.#slot = slot;
    this.#channel = channel;
    this.#edge = new Edge(new EdgeCounts(metrics), this.#ids);
    this.#adopt(plan);
    setInterval(() => this.#expireIdle(), IDLE_SWEEP_MS);
    for (const { address, fd } of sockets) this.#listen(address, fd);
  }

  /**
   * Puts a new plan in force between two events: no exchange sees half of it. Connections, tunnels and the connections
   * to servers that stay live on. Throws, with the old plan in force, when the new one's log can't be opened.
   */
  apply(plan: ProxyPlan, added: readonly string[]): void {
    const fds = receiveFds(this.#channel, added.length);
    this.#adopt(plan);
    added.forEach((address, i) => {
      this.#listen(address, fds[i]);
    });
    const stays = ({ address }: { address: string }) => plan.listeners.includes(address);
    for (const gone of this.#listeners.filter((open) => !stays(open))) gone.listener.stop();
    this.#listeners = this.#listeners.filter(stays);
  }

  setMembers(name: string, members: readonly MemberState[]): void {
    this.#backends.get(name)?.setMembers(members);
  }

  /** Accepts nothing new, and returns when the last session has ended. */
  async drain(): Promise<void> {
    const edge = this.#edge;
    edge.draining = true;
    for (const { listener } of this.#listeners) listener.stop();
    const idleUntilMs = performance.now() + IDLE_GRACE_MS;
    while (edge.deadlines.size > 0) {
      if (performance.now() > idleUntilMs) edge.closeIdle();
      await Bun.sleep(DRAIN_POLL_MS);
    }
    await this.#accessLog?.close();
  }

  detail(): unknown {
    return { connections: this.#edge.deadlines.size, logLinesDropped: this.#accessLog?.dropped ?? 0 };
  }

  #adopt(plan: ProxyPlan): void {
    this.#openLog(plan);
    this.#backends = new Map(plan.backends.map((backend) => [backend.name, this.#backend(backend)]));
    const routes = plan.routes.flatMap(({ backend, ...route }) => {
      const found = this.#backends.get(backend);
      return found ? [{ ...route, backend: found }] : [];
    });
    this.#edge.adopt(plan.settings, new Router(routes), this.#accessLog);
  }

  /** The one of this name if there is one: its servers keep their connections. */
  #backend(plan: BackendPlan): Backend {
    const { name } = plan;
    const backend =
      this.#backends.get(name) ??
      new Backend(name, (address) => new Server(address, this.#serverCounters(name, address)), this.#slot);
    backend.adopt(plan);
    return backend;
  }

  #openLog({ settings }: ProxyPlan): void {
    const target = settings.access_log === "json" ? settings.access_log_to : "";
    if (target === this.#logTarget) return;
    const before = this.#accessLog;
    this.#accessLog = target ? new AccessLog(target, this.#ids) : undefined;
    this.#logTarget = target;
    void before?.close();
  }

  #listen(address: string, fd: number | undefined): void {
    // `fd` is not in Bun's types; a half-closed client may still be waiting for its answer.
    const options = { fd, allowHalfOpen: true, socket: clientHandlers(this.#edge) };
    const listener = Bun.listen<Session>(options as unknown as Bun.TCPSocketListenOptions<Session>);
    this.#listeners.push({ address, listener });
  }

  #expireIdle(): void {
    const { nowMs } = this.#edge.deadlines;
    for (const { servers } of this.#backends.values()) for (const server of servers) server.expireIdle(nowMs);
  }

  #serverCounters(backend: string, server: string) {
    const counter = (name: string, help: string) =>
      this.#metrics.counter(`trivet_proxy_server_${name}_total`, help, { backend, server });
    return {
      requests: counter("requests", "Requests given to the server, retries included."),
      failures: counter("failures", "Attempts that ended without an answer of the server."),
      connections: counter("connections", "Connections opened to the server."),
      reuses: counter("reuses", "Requests sent on a connection that was open already."),
    };
  }
}
