/** `[serve] request_timeout`: how long the app may take from a request's head to the head of its response. */
import { log } from "../../shared/log.ts";
import type { Metrics } from "../../shared/metrics.ts";
import { timerMs } from "../../shared/timer.ts";
import type { Answer, FetchHandler } from "./app_options.ts";

interface Waiting {
  dueMs: number;
  expire(): void;
}

/** One timer for all: the deadlines come in the order in which the requests came. */
export class RequestDeadline {
  readonly #timeoutMs: number;
  readonly #late;
  readonly #waiting = new Set<Waiting>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** 0 ms: no limit. */
  constructor(timeoutMs: number, metrics: Metrics) {
    this.#timeoutMs = timeoutMs;
    this.#late = metrics.counter(
      "trivet_serve_request_timeouts_total",
      "Requests answered 504 because the app took longer than request_timeout",
    );
  }

  /** The handler, answered for with 504 when it is late; the signal of its request is aborted then. */
  bound(handler: FetchHandler): FetchHandler {
    if (this.#timeoutMs === 0) return handler;
    return (request, server) => {
      const abort = ownSignal(request);
      const answer = handler(request, server);
      // What came at once was in time; a handler that blocks can't be interrupted here.
      return answer instanceof Promise ? this.#inTime(answer, request, abort) : answer;
    };
  }

  /**
   * The same for a request that is answered elsewhere: `expire` answers it, and says whether it was late. The function
   * that is returned says that it is done.
   */
  begin(fields: { method: string; path: string }, expire: () => boolean): () => void {
    if (this.#timeoutMs === 0) return () => undefined;
    const waiting: Waiting = {
      dueMs: performance.now() + this.#timeoutMs,
      expire: () => {
        if (expire()) this.#tell({ ...fields, timeoutMs: this.#timeoutMs });
      },
    };
    this.#wait(waiting);
    return () => this.#waiting.delete(waiting);
  }

  #tell(fields: object): void {
    this.#late.value++;
    log.warn(fields, "the app did not answer in time: 504");
  }

  #inTime(answer: Promise<Response | undefined>, request: Request, abort: AbortNow): Answer {
    return new Promise((resolve, reject) => {
      let late = false;
      const waiting: Waiting = {
        dueMs: performance.now() + this.#timeoutMs,
        expire: () => {
          late = true;
          this.#tell(lateFields(request, this.#timeoutMs));
          resolve(new Response("Gateway Timeout", { status: 504 }));
          abort(new DOMException("the request took longer than request_timeout", "TimeoutError"));
        },
      };
      this.#wait(waiting);
      answer.then(
        (response) => {
          this.#waiting.delete(waiting);
          if (late) forget(response);
          else resolve(response);
        },
        (error: unknown) => {
          this.#waiting.delete(waiting);
          if (late) log.debug({ err: error }, "a handler failed after its time");
          else reject(error);
        },
      );
    });
  }

  #wait(waiting: Waiting): void {
    this.#waiting.add(waiting);
    this.#timer ??= this.#timerFor(this.#timeoutMs);
  }

  #timerFor(ms: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#expire(), timerMs(ms));
  }

  #expire(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    for (const waiting of this.#waiting) {
      // Timers may fire a fraction of a millisecond early.
      const leftMs = waiting.dueMs - nowMs;
      if (leftMs > 1) {
        this.#timer = this.#timerFor(leftMs);
        return;
      }
      this.#waiting.delete(waiting);
      waiting.expire();
    }
  }
}

type AbortNow = (reason: DOMException) => void;

/**
 * Gives a request a signal that we can abort as well as its client. Only Bun's own Request can be upgraded or asked for
 * its address, so it stays the same object; nothing is made unless the handler looks.
 */
function ownSignal(request: Request): AbortNow {
  let controller: AbortController | undefined;
  let joined: AbortSignal | undefined;
  let aborted: DOMException | undefined;
  Object.defineProperty(request, "signal", {
    configurable: true,
    get() {
      if (joined) return joined;
      controller = new AbortController();
      joined = AbortSignal.any([signalOf(request), controller.signal]);
      if (aborted) controller.abort(aborted);
      return joined;
    },
  });
  return (reason) => {
    aborted = reason;
    controller?.abort(reason);
  };
}

const prototypeSignal = Object.getOwnPropertyDescriptor(Request.prototype, "signal")?.get;

function signalOf(request: Request): AbortSignal {
  return prototypeSignal?.call(request) as AbortSignal;
}

/** Nobody reads what comes too late: a stream in it must not run on. */
function forget(response: Response | undefined): void {
  response?.body?.cancel().catch((error: unknown) => log.debug({ err: error }, "a late answer did not end"));
}

/** Without the query, which may hold secrets. */
function lateFields({ method, url }: Request, timeoutMs: number): object {
  return { method, path: URL.parse(url)?.pathname, timeoutMs };
}
