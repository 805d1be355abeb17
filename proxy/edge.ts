import type { ProxyConfig } from "../shared/config/schema.ts";
import type { AccessLog } from "./access_log.ts";
import { AddressSet } from "./address_set.ts";
import { Deadlines } from "./deadlines.ts";
import { clientEndUnread, clientLeft, deadlinePassed, drainDeadlinePassed } from "./departure.ts";
import type { EdgeCounts } from "./edge_counts.ts";
import { EdgeHealth } from "./edge_health.ts";
import { type EdgeTimeouts, edgeTimeouts } from "./edge_timeouts.ts";
import { type Ending, type Exchange, Exchanges } from "./exchange_state.ts";
import { Gate } from "./gate.ts";
import type { RequestLimits } from "./http/request_head.ts";
import { hasLingered } from "./lingering.ts";
import { PausedSessions } from "./paused_sessions.ts";
import { Peers } from "./peer.ts";
import { PrivateConnections } from "./private_connections.ts";
import type { RequestIds } from "./request_id.ts";
import type { Router } from "./router.ts";
import { Session } from "./session.ts";

export interface EdgeLimits extends RequestLimits {
  /** 0: none. */
  bodyBytesMax: number;
}

/** One data-plane process: what all its sessions share. A reload changes what is read anew for each request. */
export class Edge {
  timeouts!: EdgeTimeouts;
  limits!: EdgeLimits;
  router!: Router;
  trusted!: AddressSet;
  peers!: Peers;
  readonly counts: EdgeCounts;
  readonly ids: RequestIds;
  readonly exchanges = new Exchanges();
  readonly deadlines = new Deadlines();
  readonly health = new EdgeHealth();
  readonly privateConnections = new PrivateConnections();
  readonly paused = new PausedSessions();
  readonly gate: Gate;
  /** Every response says Connection: close. */
  draining = false;
  /** Connections that close without a byte are logged. */
  logsNullConnections = false;
  #accessLog: AccessLog | undefined;

  /** `turned`: the gate has opened or shut. `roomAgain`: see there. */
  constructor(
    counts: EdgeCounts,
    ids: RequestIds,
    turned: (open: boolean) => void = () => undefined,
    roomAgain: () => void = () => undefined,
  ) {
    this.gate = new Gate(turned, roomAgain);
    this.counts = counts;
    this.ids = ids;
  }

  /** Works by these from now on. */
  adopt(
    { timeouts, limits, trusted_proxies, health, log_null_connections }: ProxyConfig,
    router: Router,
    accessLog: AccessLog | undefined,
  ): void {
    this.timeouts = edgeTimeouts(timeouts);
    this.limits = {
      headBytesMax: limits.head,
      targetBytesMax: limits.target,
      fieldsMax: limits.headers,
      bodyBytesMax: limits.body,
    };
    this.router = router;
    this.health.adopt(health.path, health.fail_when_below);
    this.trusted = new AddressSet(trusted_proxies);
    this.peers = new Peers(this.trusted);
    this.#accessLog = accessLog;
    this.logsNullConnections = log_null_connections;
    const all = [this.timeouts, ...router.timeouts].flatMap((timeouts) => Object.values(timeouts));
    this.deadlines.start(Math.min(...all));
  }

  opened(session: Session): void {
    this.counts.connections.value++;
    this.counts.open.value++;
    session.waitFor("client", this.timeouts.requestHeadMs);
    this.deadlines.add(session);
    this.gate.clientCame();
  }

  /** Ends a session. `abruptly`: with a reset, so that what was sent is not taken for whole. */
  closeSession(session: Session, abruptly: boolean): void {
    if (session.phase === "closed") return;
    session.phase = "closed";
    this.deadlines.remove(session);
    this.counts.open.value--;
    session.entrance.open--;
    if (session.paused) this.paused.delete(session);
    if (session.hasPrivate) this.privateConnections.closeOf(session);
    const { socket } = session;
    session.socket = null;
    session.held = session.unsent = null;
    if (abruptly) socket?.terminate();
    else socket?.end();
    this.gate.clientLeft();
  }

  sessionExpired(session: Session): void {
    deadlinePassed(session);
  }

  /** The last word on an exchange: counters and the access line. */
  logged(exchange: Exchange, ending: Ending): void {
    // Balancers ask every second or two; nobody wants to read it.
    if (ending === "health") return;
    const durationMs = performance.now() - exchange.startMs;
    this.counts.ended(exchange, ending, durationMs);
    const rules = exchange.route?.rules ?? null;
    if (rules === null || rules.logged) this.#accessLog?.write(exchange, ending, durationMs);
  }

  /** A connection that asked for nothing: no request to count. */
  loggedOnly(exchange: Exchange, ending: Ending): void {
    this.#accessLog?.write(exchange, ending, 0);
  }

  /** Hears of clients that have left while they are not read. */
  lookAtPaused(): void {
    this.paused.visitEnded(clientEndUnread);
  }

  /** Closes connections that carry nothing now, and those whose last words have had their time to arrive. */
  closeIdle(): void {
    this.deadlines.each((timed) => {
      if (timed instanceof Session && ((timed.phase === "idle" && timed.held === null) || hasLingered(timed)))
        this.closeSession(timed, false);
    });
  }

  /** Whether nothing is under way but what may last for hours: tunnels and event streams. */
  hasOnlyLasting(): boolean {
    let short = 0;
    this.deadlines.each((timed) => {
      if (timed instanceof Session && timed.phase !== "tunnel" && !timed.exchange?.eventStream) short++;
    });
    return short === 0;
  }

  /** Ends exchanges: with an answer that says so where none has begun. */
  endAll(): void {
    this.deadlines.each((timed) => {
      if (timed instanceof Session) drainDeadlinePassed(timed);
    });
  }

  /** Closes what is left. */
  closeAll(): void {
    this.deadlines.each((timed) => {
      if (timed instanceof Session) clientLeft(timed);
    });
  }
}
