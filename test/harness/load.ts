import { RawConnection } from "./raw_connection.ts";
import type { RawResponse } from "./raw_response.ts";

export interface LoadOptions {
  port: number;
  /** Clients that keep their connection as long as the server lets them. */
  keepAlive?: number;
  /** Clients that open a connection for every request. */
  fresh?: number;
  /** The request; its Host and Connection fields are added. */
  method?: string;
  path?: string;
  body?: string;
  /** End after so many requests over all clients; until stop() when absent. */
  requests?: number;
  /** What counts as ok; 200 when absent. */
  accept?: (response: RawResponse) => boolean;
}

export interface LoadResult {
  ok: number;
  /** Requests with another answer, half an answer, or none. */
  failed: number;
  /**
   * Requests to a connection that the server closed, in order and with no byte of an answer: RFC 9112 §9.5 lets a
   * server close an idle connection at any time, so the client sends them elsewhere. Not failed.
   */
  stale: number;
  /** Connections that nothing accepted: not failed, for nothing was promised. */
  refused: number;
  /** What the first failures were. */
  reasons: string[];
}

const REASONS_KEPT = 10;
/** No request of these tests takes this long by itself. */
const HELD_UP_MS = 500;
const HEAR_MS = 20;

/** Clients that ask as fast as they are answered. */
export class Load {
  readonly result: LoadResult = { ok: 0, failed: 0, stale: 0, refused: 0, reasons: [] };
  readonly #options: LoadOptions;
  readonly #left: { requests: number };
  readonly #clients: Promise<void>[];
  #stopping = false;

  private constructor(options: LoadOptions) {
    this.#options = options;
    this.#left = { requests: options.requests ?? Number.POSITIVE_INFINITY };
    const { keepAlive = 0, fresh = 0 } = options;
    this.#clients = Array.from({ length: keepAlive + fresh }, (_, i) => this.#client(i < keepAlive));
  }

  static start(options: LoadOptions): Load {
    return new Load(options);
  }

  /** Resolves when `requests` are done. */
  async done(): Promise<LoadResult> {
    await Promise.all(this.#clients);
    return this.result;
  }

  /** No further requests; those under way are awaited. */
  stop(): Promise<LoadResult> {
    this.#stopping = true;
    return this.done();
  }

  async #client(keep: boolean): Promise<void> {
    let connection: RawConnection | undefined;
    let reused = false;
    let resend = false;
    while ((resend || !this.#stopping) && (resend || this.#left.requests-- > 0)) {
      resend = false;
      const beganMs = performance.now();
      if (!connection) {
        connection = await this.#open();
        if (!connection) return;
        if (await this.#isClosed(connection, beganMs)) {
          connection[Symbol.dispose]();
          connection = undefined;
          reused = false;
          resend = true;
          continue;
        }
      }
      const response = await this.#exchange(connection, keep);
      if (response instanceof Error) {
        resend = reused && connection.received.length === 0 && !connection.broken;
        if (resend) this.result.stale++;
        else this.#fail(response.message);
      } else this.#judge(response);
      reused =
        keep && !(response instanceof Error) && response.headers.get("connection")?.toLowerCase() !== "close";
      if (reused && !(await this.#isClosed(connection, beganMs))) continue;
      connection[Symbol.dispose]();
      connection = undefined;
    }
    connection?.[Symbol.dispose]();
  }

  async #open(): Promise<RawConnection | undefined> {
    try {
      return await RawConnection.open(this.#options.port);
    } catch (error) {
      this.result.refused++;
      // Nobody is there any more: this client is done.
      if (error instanceof Error) return undefined;
      throw error;
    }
  }

  async #exchange(connection: RawConnection, keep: boolean): Promise<RawResponse | Error> {
    const { method = "GET", path = "/", body } = this.#options;
    const length = body === undefined ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    const close = keep ? "" : "Connection: close\r\n";
    connection.send(`${method} ${path} HTTP/1.1\r\nHost: load.test\r\n${close}${length}\r\n${body ?? ""}`);
    try {
      return await connection.response(method, 30_000);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /**
   * Held up ourselves since `sinceMs`, we hear first what the server did meanwhile: it need not wait for us for ever, and
   * a request to one that has closed would be reset.
   */
  async #isClosed(connection: RawConnection, sinceMs: number): Promise<boolean> {
    const heldUp = performance.now() - sinceMs > HELD_UP_MS;
    if (heldUp) await Bun.sleep(HEAR_MS);
    else if (connection.ended) this.result.stale++;
    return connection.ended;
  }

  #judge(response: RawResponse): void {
    const accepted = this.#options.accept?.(response) ?? response.status === 200;
    if (accepted) this.result.ok++;
    else this.#fail(`answered ${response.status}: ${response.body.toString().slice(0, 100)}`);
  }

  #fail(reason: string): void {
    this.result.failed++;
    if (this.result.reasons.length < REASONS_KEPT) this.result.reasons.push(reason);
  }
}
