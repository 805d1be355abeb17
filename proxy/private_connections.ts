import type { Server } from "./server.ts";
import type { Session } from "./session.ts";
import type { Upstream } from "./upstream.ts";

/** One for each server that a client speaks with; HAProxy keeps as many (max-session-srv-conns). */
const KEPT_MAX = 5;

/**
 * Connections to servers that wait for the next request of the one client whose they are: the server takes what comes
 * on them for the client that authenticated there (http/connection_auth.ts).
 */
export class PrivateConnections {
  readonly #bySession = new Map<Session, Upstream[]>();

  /** False when it is of no more use. */
  keep(session: Session, upstream: Upstream): boolean {
    if (session.phase === "closed" || !upstream.server.keepPrivate(upstream)) return false;
    const [coldest, ...others] = this.#of(session);
    if (others.length + 1 >= KEPT_MAX) coldest?.close();
    this.#bySession.set(session, [...this.#of(session), upstream]);
    session.hasPrivate = true;
    return true;
  }

  /** Where the client has one, among these; undefined when none has room. */
  serverOf(session: Session, usable: readonly Server[]): Server | undefined {
    const last = this.#of(session).findLast(
      ({ server }) => usable.includes(server) && server.active < server.connectionsMax,
    );
    return last?.server;
  }

  /** The client's connection to this server, if one waits that the server has not said it would close by now. */
  take(session: Session, to: Server, nowMs: number): Upstream | undefined {
    const found = this.#of(session).findLast(({ server }) => server === to);
    if (!found) return undefined;
    if (found.idleUntilMs <= nowMs) {
      found.close();
      return undefined;
    }
    to.forget(found);
    this.forget(session, found);
    return found;
  }

  /** It is in use, or closed. */
  forget(session: Session, upstream: Upstream): void {
    const left = this.#of(session).filter((kept) => kept !== upstream);
    if (left.length > 0) this.#bySession.set(session, left);
    else {
      this.#bySession.delete(session);
      session.hasPrivate = false;
    }
  }

  /** The client is gone. */
  closeOf(session: Session): void {
    for (const upstream of this.#of(session)) upstream.close();
  }

  /** The warmest is last. */
  #of(session: Session): readonly Upstream[] {
    return this.#bySession.get(session) ?? [];
  }
}
