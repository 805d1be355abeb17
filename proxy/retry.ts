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
}

/**
 * Whether the request may go out again: never once the server has begun to answer, always when it saw nothing of the
 * request, else when repeating it is harmless.
 */
export function mayRetry({ attempts, retries, sent, heard, idempotent, bodyInHand }: FailedAttempt): boolean {
  if (attempts > retries || heard) return false;
  return !sent || (idempotent && bodyInHand);
}

const IDEMPOTENT = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"].map(octets);

/** Whether the method bytes[from, end) is defined to be idempotent (RFC 9110 §9.2.2). Methods are case-sensitive. */
export function isIdempotent(bytes: Uint8Array, from: number, end: number): boolean {
  return IDEMPOTENT.some((method) => equals(bytes, from, end, method));
}
