import type { TCPSocketListener } from "bun";
import { Metrics } from "../shared/metrics.ts";
import { ParentLink } from "../shared/process/parent_link.ts";
import { AccessLog } from "./access_log.ts";
import { Backend } from "./backend.ts";
import type { ProxyBoot, ProxyDown } from "./boot.ts";
import { clientHandlers } from "./client_handlers.ts";
import { Edge } from "./edge.ts";
import { EdgeCounts } from "./edge_counts.ts";
import { RequestIds } from "./request_id.ts";
import { Router } from "./router.ts";
import { Server } from "./server.ts";
import type { Session } from "./session.ts";

/** How long an idle client may still use its connection before we close it on drain. */
const IDLE_GRACE_MS = 1000;
const DRAIN_POLL_MS = 20;
const IDLE_SWEEP_MS = 1000;

/** A data-plane process: accepts on the descriptors it inherited until told to drain. */
export function runChild(): void {
  const metrics = new Metrics();
  const plane = new DataPlane(metrics);
  new ParentLink<ProxyBoot, ProxyDown, never>("proxy", metrics).run(plane);
}

class DataPlane {
  readonly #metrics: Metrics;
  readonly #backends = new Map<string, Backend>();
  readonly #listeners: TCPSocketListener<Session>[] = [];
  #edge: Edge | undefined;
  #accessLog: AccessLog | undefined;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  boot(boot: ProxyBoot, slot: number): Promise<void> {
    const { settings } = boot;
    for (const plan of boot.backends) {
      const make = (address: string) => new Server(address, this.#serverCounters(plan.name, address));
      const addresses = plan.members.map(({ address }) => address);
      const backend = new Backend(plan.name, plan.retries, addresses, make, slot);
      for (const { address, state } of plan.members) backend.setState(address, state);
      this.#backends.set(plan.name, backend);
    }
    const ids = new RequestIds();
    if (settings.access_log === "json") this.#accessLog = new AccessLog(settings.access_log_to, ids);
    const edge = new Edge({
      timeouts: {
        connectMs: settings.timeouts.connect,
        clientMs: settings.timeouts.client,
        serverMs: settings.timeouts.server,
        requestHeadMs: settings.timeouts.request_head,
        keepAliveMs: settings.timeouts.keep_alive,
        tunnelMs: settings.timeouts.tunnel,
      },
      limits: {
        headBytesMax: settings.limits.head,
        targetBytesMax: settings.limits.target,
        fieldsMax: settings.limits.headers,
        bodyBytesMax: settings.limits.body,
      },
      trustedProxies: settings.trusted_proxies,
      router: new Router(
        boot.routes.flatMap(({ backend, ...route }) => {
          const found = this.#backends.get(backend);
          return found ? [{ ...route, backend: found }] : [];
        }),
      ),
      accessLog: this.#accessLog,
      counts: new EdgeCounts(this.#metrics),
      ids,
    });
    this.#edge = edge;
    edge.deadlines.start(Math.min(...Object.values(edge.timeouts)));
    setInterval(() => this.#expireIdle(), IDLE_SWEEP_MS);
    for (const { fd } of boot.listeners) this.#listeners.push(listen(fd, edge));
    return Promise.resolve();
  }

  receive({ backend, members }: ProxyDown): void {
    const group = this.#backends.get(backend);
    if (!group) return;
    group.setMembers(members.map(({ address }) => address));
    for (const { address, state } of members) group.setState(address, state);
  }

  async drain(): Promise<void> {
    const edge = this.#edge;
    if (!edge) return;
    edge.draining = true;
    for (const listener of this.#listeners) listener.stop();
    const idleUntilMs = performance.now() + IDLE_GRACE_MS;
    while (edge.deadlines.size > 0) {
      if (performance.now() > idleUntilMs) edge.closeIdle();
      await Bun.sleep(DRAIN_POLL_MS);
    }
    await this.#accessLog?.close();
  }

  detail(): unknown {
    return { connections: this.#edge?.deadlines.size ?? 0, logLinesDropped: this.#accessLog?.dropped ?? 0 };
  }

  #expireIdle(): void {
    const nowMs = this.#edge?.deadlines.nowMs ?? 0;
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

function listen(fd: number, edge: Edge): TCPSocketListener<Session> {
  // `fd` is not in Bun's types; a half-closed client may still be waiting for its answer.
  const options = {
    fd,
    allowHalfOpen: true,
    socket: clientHandlers(edge),
  } as unknown as Bun.TCPSocketListenOptions<Session>;
  return Bun.listen<Session>(options);
}
