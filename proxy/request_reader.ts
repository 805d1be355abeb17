/** The client's bytes between exchanges → request heads. */
import { route } from "./exchange.ts";
import type { Exchange } from "./exchange_state.ts";
import { HeldBytes } from "./held_bytes.ts";
import { MORE } from "./http/field_table.ts";
import { parseRequestHead } from "./http/request_head.ts";
import { fail, refuse } from "./own_answer.ts";
import type { Session } from "./session.ts";
import { Turns } from "./turns.ts";

const CR = 13;
const LF = 10;
const NOTHING = Buffer.alloc(0);
/** One client's requests hold the others up no longer than this; the rest of them have another turn. */
const TURN_MS = 0.5;

const turns = new Turns(readOn);

/** Bytes of a client between requests or within a head. */
export function requestArrived(session: Session, chunk: Buffer): void {
  const { held } = session;
  const bytes = held === null ? chunk : Buffer.concat([held.bytes, chunk]);
  if (held === null || worthReading(held, chunk, bytes.length, session.edge.limits.headBytesMax))
    return readRequests(session, bytes);
  held.bytes = bytes;
}

/** A head that came in parts is read again when a line has ended or it has doubled: never once an octet. */
function worthReading(held: HeldBytes, chunk: Buffer, length: number, headBytesMax: number): boolean {
  return chunk.includes(LF) || chunk.includes(CR) || length >= held.seen * 2 || length >= headBytesMax;
}

export function readRequests(session: Session, bytes: Buffer): void {
  session.reading = true;
  readRequest(session, bytes);
  if (isLeft(session)) readRest(session, performance.now() + TURN_MS);
  session.reading = false;
}

/** Requests sent ahead, as far as we answer them ourselves. */
function readRest(session: Session, untilMs: number): void {
  while (isLeft(session)) {
    if (performance.now() >= untilMs) {
      session.pause();
      turns.add(session);
      return;
    }
    readRequest(session, session.held.bytes);
  }
}

function readOn(session: Session): void {
  if (isLeft(session)) readRequests(session, session.held.bytes);
}

function isLeft(session: Session): session is Session & { held: HeldBytes } {
  return session.phase === "idle" && session.held !== null;
}

function readRequest(session: Session, bytes: Buffer): void {
  const { edge } = session;
  const exchange = edge.exchanges.take();
  const after = parseRequestHead(bytes, 0, bytes.length, exchange.request, edge.limits);
  if (after === MORE) {
    edge.exchanges.give(exchange);
    waitForHead(session, bytes);
    return;
  }
  const nowMs = performance.now();
  const headMs = headMsUntil(session, nowMs);
  session.held = null;
  session.phase = "exchange";
  session.exchange = exchange;
  session.used = true;
  exchange.begin(session, bytes, Math.max(after, 0), edge.ids.next(), nowMs, headMs);
  if (after < 0) {
    exchange.request.minor = 1;
    exchange.unreadable = true;
    exchange.requestBody.start("none", 0, false);
    refuse(exchange, -after);
    return;
  }
  route(exchange);
}

function waitForHead(session: Session, bytes: Buffer): void {
  session.held ??= new HeldBytes(bytes);
  session.held.bytes = bytes;
  session.held.seen = bytes.length;
  if (session.phase === "head") return;
  session.phase = "head";
  session.held.headStartMs = performance.now();
  session.waitFor("client", session.edge.timeouts.requestHeadMs);
}

/** Milliseconds since the first byte of the head that is being read; 0 when it came whole. */
function headMsUntil({ phase, held }: Session, nowMs: number): number {
  return phase === "head" && held !== null ? nowMs - held.headStartMs : 0;
}

export function refuseSlowHead(session: Session): void {
  const exchange = unreadExchange(session);
  session.exchange = exchange;
  session.phase = "exchange";
  session.held = null;
  fail(exchange, "client_timeout");
}

/** An exchange whose head never was whole. */
export function unreadExchange(session: Session): Exchange {
  const { edge, held } = session;
  const exchange = edge.exchanges.take();
  const nowMs = performance.now();
  exchange.begin(session, held?.bytes ?? NOTHING, 0, edge.ids.next(), nowMs, headMsUntil(session, nowMs));
  exchange.unreadable = true;
  exchange.requestBody.start("none", 0, false);
  exchange.responseBody.start("none", 0, false);
  return exchange;
}
