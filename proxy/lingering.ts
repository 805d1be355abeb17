/**
 * Our last words are sent, but the client may still be sending: closing would reset them away, so what it sends is read
 * and thrown away for a while (RFC 9112 §9.6). The times are those of nginx.
 */
import type { Session } from "./session.ts";

/** All in all, and without a byte in between. */
const LINGER_MS = 30_000;
const SILENCE_MS = 5000;
/** While we leave ourselves. */
const DRAIN_LINGER_MS = 2000;
/** Read in one go; then the client waits for a second. */
const BYTES_AT_A_TIME = 4 * 1_048_576;
const WAIT_MS = 1000;

/** Of one client that lingers. */
class Lingering {
  readonly sinceMs: number;
  /** Since it was last made to wait. */
  bytes = 0;

  constructor(nowMs: number) {
    this.sinceMs = nowMs;
  }
}

/** The few sessions that linger. */
const lingerings = new WeakMap<Session, Lingering>();

export function linger(session: Session): void {
  const { edge } = session;
  session.phase = "lingering";
  session.held = null;
  const lingering = new Lingering(edge.deadlines.nowMs);
  lingerings.set(session, lingering);
  wait(session, lingering);
  session.shutdown();
  session.resume();
  if (session.ended) edge.closeSession(session, false);
}

export function discard(session: Session, chunk: Buffer): void {
  const lingering = lingerings.get(session);
  if (!lingering) return;
  lingering.bytes += chunk.length;
  if (lingering.bytes < BYTES_AT_A_TIME) return wait(session, lingering);
  session.pause();
  session.waitFor("pause", WAIT_MS);
}

/** It was silent, or has waited for its next turn. */
export function lingerDeadlinePassed(session: Session): void {
  const lingering = lingerings.get(session);
  if (session.waiting !== "pause" || !lingering || hasLingered(session))
    return session.edge.closeSession(session, false);
  lingering.bytes = 0;
  wait(session, lingering);
  session.resume();
}

/** Whether it has had its time. */
export function hasLingered(session: Session): boolean {
  const lingering = session.phase === "lingering" ? lingerings.get(session) : undefined;
  return lingering !== undefined && leftMs(session, lingering) <= 0;
}

function wait(session: Session, lingering: Lingering): void {
  session.waitFor("client", Math.min(SILENCE_MS, Math.max(0, leftMs(session, lingering))));
}

function leftMs({ edge }: Session, { sinceMs }: Lingering): number {
  return sinceMs + (edge.draining ? DRAIN_LINGER_MS : LINGER_MS) - edge.deadlines.nowMs;
}
