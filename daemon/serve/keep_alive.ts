/**
 * `[serve] keep_alive`: how long a connection from a client may be idle between two requests.
 *
 * Bun's idle timer counts silence in the middle of a request too, and would cut silent handlers, slow uploads, slow
 * readers and event streams. So it is wound up again for as long as a request is under way. What is left for it are
 * connections without one: those that only wait, and those that send the next head octet by octet, since octets alone
 * don't wind it up (measured, as is Bun's own limit of 12 s for the first head).
 */
import type { FetchHandler } from "./app_options.ts";

/** Bun's timer counts in steps of 4 s and rounds down to the step before (measured). */
const STEP_S = 4;
/** Requests that end sooner are never looked at again: nearly all. */
const YOUNG_MS = 250;
/** So many are looked at sooner: thousands that are done, and held until the timer, cost the garbage collector. */
const YOUNG_MAX = 1024;
const RENEWALS_IN_TIME = 4;
const RENEW_MS_MIN = 1_000;

/** What of Bun's Server is needed. */
export interface RequestServer {
  readonly pendingRequests: number;
  /** Null once the request is answered to the last byte, and for one over a unix socket. */
  requestIP(request: Request): unknown;
}

/** Server.timeout() of Bun. */
type SetTimer = (request: Request, seconds: number) => void;

export class KeepAlive {
  /** For Bun.serve; 0 is never. */
  readonly idleTimeoutS: number;
  readonly #renewMs: number;
  readonly #server: RequestServer;
  readonly #setTimer: SetTimer;
  readonly #young: Request[] = [];
  #lookAt = YOUNG_MAX;
  readonly #old = new Set<Request>();
  /** The app decides itself how long they may be silent. */
  readonly #released = new WeakSet<Request>();
  #youngTimer: ReturnType<typeof setTimeout> | undefined;
  #oldTimer: ReturnType<typeof setTimeout> | undefined;

  /** 0 ms: no limit. */
  constructor(keepAliveMs: number, server: RequestServer, setTimer: SetTimer) {
    this.idleTimeoutS = keepAliveMs === 0 ? 0 : Math.ceil(keepAliveMs / 1000) + STEP_S;
    this.#renewMs = Math.max(RENEW_MS_MIN, keepAliveMs / RENEWALS_IN_TIME);
    this.#server = server;
    this.#setTimer = setTimer;
  }

  /** The handler, its requests watched over. */
  watched(handler: FetchHandler): FetchHandler {
    if (this.idleTimeoutS === 0) return handler;
    return (request, server) => {
      if (this.#young.push(request) >= this.#lookAt) this.#forgetDone();
      this.#youngTimer ??= setTimeout(() => this.#sortYoung(), YOUNG_MS);
      return handler(request, server);
    };
  }

  /** User code has set the timer of this request itself. */
  release(request: Request): void {
    this.#released.add(request);
  }

  #sortYoung(): void {
    this.#youngTimer = undefined;
    this.#forgetDone();
    for (const request of this.#young) this.#old.add(request);
    this.#young.length = 0;
    this.#lookAt = YOUNG_MAX;
    if (this.#old.size > 0) this.#oldTimer ??= setTimeout(() => this.#renew(), this.#renewMs);
  }

  /** Those under way move to the front. With many of them it is not done again before as many more have come. */
  #forgetDone(): void {
    const young = this.#young;
    let kept = 0;
    if (this.#server.pendingRequests > 0) {
      for (const request of young) if (this.#underWay(request)) young[kept++] = request;
    }
    young.length = kept;
    this.#lookAt = Math.max(YOUNG_MAX, 2 * kept);
  }

  #renew(): void {
    this.#oldTimer = undefined;
    for (const request of this.#old) {
      if (this.#underWay(request)) this.#setTimer(request, this.idleTimeoutS);
      else this.#old.delete(request);
    }
    if (this.#old.size > 0) this.#oldTimer = setTimeout(() => this.#renew(), this.#renewMs);
  }

  #underWay(request: Request): boolean {
    return this.#server.requestIP(request) !== null && !this.#released.has(request);
  }
}
