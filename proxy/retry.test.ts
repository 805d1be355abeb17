import { expect, test } from "bun:test";
import { octets } from "./http/octets.ts";
import { isIdempotent, mayRetry, wasRead } from "./retry.ts";

const UNSENT = {
  attempts: 1,
  retries: 2,
  sent: false,
  heard: false,
  idempotent: false,
  bodyInHand: false,
  fatal: false,
};
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
  ["a process of the app has ended with it in its hands", false, { ...SENT, fatal: true }],
])("%s: %p", (_, again, attempt) => {
  expect(mayRetry(attempt)).toBe(again);
});

test.each([
  ["closed in order", true, { ending: "server_closed", heard: false, hasBody: false }],
  ["reset: octets were left unread", false, { ending: "server_reset", heard: false, hasBody: false }],
  ["reset with a part of an answer", true, { ending: "server_reset", heard: true, hasBody: false }],
  ["reset with a part of the body unread", true, { ending: "server_reset", heard: false, hasBody: true }],
  ["nobody was there", false, { ending: "connect_failed", heard: false, hasBody: true }],
] as const)("%s, so the process had read of it: %p", (_, read, lost) => {
  expect(wasRead(lost)).toBe(read);
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
