import type { Ending } from "./exchange_state.ts";
import { equals, octets } from "./http/octets.ts";

/** What is known of an attempt that failed before the client saw any of an answer. */
export interface FailedAttempt {
  /** Attempts made, this one included. */
  attempts: number;
  /** Further attempts the backend allows. */
  retries: number;
  /** Some of the request had left for the server. */
  sent: boolean;
  /** Some of an answer came, if only a part or a malformed one: the server has acted on the request. */
  heard: boolean;
  /** Repeating the request has the same effect (RFC 9110 §9.2.2). */
  idempotent: boolean;
  /** The whole body, if any, is still here to be sent again. */
  bodyInHand: boolean;
  /** A process of the app had read the request when it ended: the next one might end of it too. */
  fatal: boolean;
}

/**
 * Whether the request may go out again: never once the server has begun to answer or has died of it, always when it saw
 * nothing of the request, else when repeating it is harmless.
 */
export function mayRetry(attempt: FailedAttempt): boolean {
  const { attempts, retries, sent, heard, idempotent, bodyInHand, fatal } = attempt;
  if (attempts > retries || heard || fatal) return false;
  return !sent || (idempotent && bodyInHand);
}

/**
 * Whether a process that was sent a request by a unix socket, and is gone, had read of it: with octets unread its end
 * resets the connection (net/unix/af_unix.c, unix_release_sock), without any it closes it in order. Of a body that came
 * in parts the last may be unread while the first was fatal.
 */
export function wasRead({
  ending,
  heard,
  hasBody,
}: {
  ending: Ending;
  heard: boolean;
  hasBody: boolean;
}): boolean {
  return ending === "server_closed" || (ending === "server_reset" && (heard || hasBody));
}

const IDEMPOTENT = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"].map(octets);

/** Whether the method bytes[from, end) is defined to be idempotent (RFC 9110 §9.2.2). Methods are case-sensitive. */
export function isIdempotent(bytes: Uint8Array, from: number, end: number): boolean {
  return IDEMPOTENT.some((method) => equals(bytes, from, end, method));
}
