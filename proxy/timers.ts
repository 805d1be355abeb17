import type { Exchange } from "./exchange_state.ts";

/** HAProxy's timers of an exchange (its configuration manual, section 8.4), in milliseconds; -1: never came so far. */
export interface Timers {
  /** TR: from the first byte of the request's head to its last. */
  head: number;
  /** Tw: in queues. */
  queue: number;
  /** Tc: from the first attempt until the connection it went out on was there. */
  connect: number;
  /** Tr: from there until the whole head of the answer was. */
  response: number;
  /** Ta: from the first byte of the request to the last of the answer. */
  active: number;
}

/** What of an exchange the timers are made of. */
export type Timed = Pick<
  Exchange,
  "unreadable" | "headMs" | "startMs" | "dispatchedMs" | "connectedMs" | "firstByteMs" | "queued"
>;

/** `durationMs`: from the whole head of the request to the end. */
export function timersOf(exchange: Timed, durationMs: number): Timers {
  const { unreadable, headMs, startMs, dispatchedMs, connectedMs, firstByteMs, queued } = exchange;
  const gaveUpInQueue = dispatchedMs < 0 && queued;
  return {
    head: unreadable ? -1 : headMs,
    queue: gaveUpInQueue ? durationMs : dispatchedMs < 0 ? -1 : dispatchedMs - startMs,
    connect: connectedMs < 0 ? -1 : connectedMs - dispatchedMs,
    response: firstByteMs < 0 ? -1 : startMs + firstByteMs - connectedMs,
    active: headMs + durationMs,
  };
}
