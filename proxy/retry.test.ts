import { expect, test } from "bun:test";
import { octets } from "./http/octets.ts";
import { isIdempotent, mayRetry } from "./retry.ts";

const UNSENT = { attempts: 1, retries: 2, sent: false, heard: false, idempotent: false, bodyInHand: false };
const SENT = { ...UNSENT, sent: true, idempotent: true, bodyInHand: true };

test.each([
  ["nothing was sent, whatever the request", true, UNSENT],
  ["nothing was sent, at the last retry", true, { ...UNSENT, attempts: 2 }],
  ["nothing was sent, but no retry is left", false, { ...UNSENT, attempts: 3 }],
  ["no retries at all", false, { ...UNSENT, retries: 0 }],
  ["sent, idempotent, body in hand", true, SENT],
  ["sent, not idempotent", false, { ...SENT, idempotent: false }],
  ["sent, the body is gone", false, { ...SENT, bodyInHand: false }],
  ["the server has begun to answer", false, { ...SENT, heard: true }],
])("%s: %p", (_, again, attempt) => {
  expect(mayRetry(attempt)).toBe(again);
});

test.each([
  ["GET", true],
  ["HEAD", true],
  ["OPTIONS", true],
  ["TRACE", true],
  ["PUT", true],
  ["DELETE", true],
  ["POST", false],
  ["PATCH", false],
  ["CONNECT", false],
  ["get", false],
  ["GETS", false],
  ["GE", false],
])("%s is idempotent: %p", (method, idempotent) => {
  expect(isIdempotent(octets(`<${method}>`), 1, method.length + 1)).toBe(idempotent);
});
