import type { HealthConfig } from "../shared/config/schema.ts";
import { MORE } from "./http/field_table.ts";
import { parseResponseHead, ResponseHead } from "./http/response_head.ts";
import { connectTarget } from "./server.ts";
import type { StatusSet } from "./status_set.ts";

/** One check of one server. */
export interface CheckResult {
  passed: boolean;
  /** "200", or why there was no answer. */
  said: string;
  tookMs: number;
  atMs: number;
}

/**
 * GET of the health path on a connection of its own to one of the server's places, as the data plane would ask: fetch() would go through a proxy that
 * the environment names. Redirects are not followed, the body is not read.
 */
export async function checkServer(
  places: readonly string[],
  health: HealthConfig,
  expect: StatusSet,
): Promise<CheckResult> {
  const atMs = Date.now();
  const started = performance.now();
  const answer = await askInTurn(places, health);
  const tookMs = performance.now() - started;
  return { passed: typeof answer === "number" && expect.has(answer), said: String(answer), tookMs, atMs };
}

/** A name may lead to several places, and the server listen at one of them. All share the time there is. */
async function askInTurn(places: readonly string[], health: HealthConfig): Promise<number | string> {
  const deadlineMs = performance.now() + health.timeout;
  let answer: number | string = "its name leads nowhere";
  for (const place of places) {
    const timeout = Math.ceil(deadlineMs - performance.now());
    if (timeout <= 0) break;
    answer = await ask(place, { ...health, timeout });
    if (typeof answer === "number") break;
  }
  return answer;
}

/** The status, or why there is none. */
function ask(address: string, { path, host, timeout }: HealthConfig): Promise<number | string> {
  const { promise, resolve } = Promise.withResolvers<number | string>();
  const timer = setTimeout(() => resolve(`no answer within ${timeout} ms`), timeout);
  const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: trivet-health\r\nConnection: close\r\n\r\n`;
  let bytes: Buffer = Buffer.alloc(0);
  const handlers: Bun.SocketHandler<undefined> = {
    open(socket) {
      socket.write(request);
      void promise.then(() => socket.end());
    },
    data(_socket, chunk) {
      bytes = Buffer.concat([bytes, chunk]);
      const status = statusIn(bytes);
      if (status !== undefined) resolve(status);
    },
    end: () => resolve("closed before an answer"),
    close: (_socket, error) => resolve(error ? failureOf(error) : "closed before an answer"),
    connectError: (_socket, error) => resolve(failureOf(error)),
  };
  const target = connectTarget(address);
  const connecting =
    "unix" in target
      ? Bun.connect({ ...target, socket: handlers })
      : Bun.connect({ ...target, socket: handlers });
  connecting.catch((error: unknown) => resolve(failureOf(error)));
  return promise.finally(() => clearTimeout(timer));
}

/** Of the first final response; undefined: it is not whole yet. */
function statusIn(bytes: Buffer): number | string | undefined {
  const head = new ResponseHead();
  for (let at = 0; at < bytes.length; ) {
    const after = parseResponseHead(bytes, at, bytes.length, head);
    if (after === MORE) return undefined;
    if (after < 0) return "not valid HTTP";
    if (head.status >= 200) return head.status;
    at = after;
  }
  return undefined;
}

function failureOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
