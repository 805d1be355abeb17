import { type RawResponse, readResponse } from "./raw_response.ts";

/** Only what is broken takes this long, on a busy machine too. */
const PATIENCE_MS = 30_000;

/** A TCP connection that says exactly what it is told: for wrong requests, halves of requests, and slow ones. */
export class RawConnection implements Disposable {
  /** Everything that came and was not yet taken by response(). */
  received: Buffer = Buffer.alloc(0);
  /** The other side has ended the connection. */
  ended = false;
  /** Why the connection broke; undefined when it was ended in order. */
  broken: Error | undefined;
  #socket: Bun.Socket | undefined;
  #unsent: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  /** Throws when nothing accepts there. */
  static async open(
    to: number | { hostname: string; port: number } | { unix: string },
  ): Promise<RawConnection> {
    const connection = new RawConnection();
    const target = typeof to === "number" ? { hostname: "127.0.0.1", port: to } : to;
    const opening = Bun.connect({
      ...target,
      socket: {
        data: (_socket, bytes) => connection.#hear(bytes),
        drain: () => connection.#flush(),
        end: () => connection.#over(undefined),
        close: (_socket, error) => connection.#over(error),
        error: (_socket, error) => connection.#over(error),
      },
    } as Bun.TCPSocketConnectOptions<undefined>);
    connection.#socket = await withDeadline(opening, PATIENCE_MS, "the connection opens");
    return connection;
  }

  get localPort(): number {
    return this.#socket?.localPort ?? 0;
  }

  /** How much of what was said the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.#unsent.length;
  }

  /** Reads nothing for now. */
  pause(): void {
    this.#socket?.pause();
  }

  send(data: string | Uint8Array): void {
    this.#unsent = Buffer.concat([
      this.#unsent,
      typeof data === "string" ? Buffer.from(data, "latin1") : data,
    ]);
    this.#flush();
  }

  /** The next whole response, without its bytes left in `received`. Throws when the connection ends before it does. */
  async response(method = "GET", timeoutMs = PATIENCE_MS): Promise<RawResponse> {
    let found: RawResponse | undefined;
    await this.#waitFor(() => {
      found = readResponse(this.received, this.ended, method);
      return found !== undefined || this.ended;
    }, timeoutMs);
    if (!found)
      throw new Error(`the connection ended after ${this.received.length} bytes of the response`, {
        cause: this.broken,
      });
    this.received = this.received.subarray(found.length);
    return found;
  }

  /** Resolves when the other side has ended the connection. */
  async closed(timeoutMs = PATIENCE_MS): Promise<void> {
    await this.#waitFor(() => this.ended, timeoutMs);
  }

  /** Resolves when `bytes` bytes or more have come. */
  async arrived(bytes: number, timeoutMs = PATIENCE_MS): Promise<void> {
    await this.#waitFor(() => this.received.length >= bytes || this.ended, timeoutMs);
  }

  /** Nothing more will be sent (FIN); answers are still heard. */
  shutdown(): void {
    this.#socket?.shutdown();
  }

  /** Ends the connection with a reset. */
  reset(): void {
    this.#socket?.terminate();
  }

  close(): void {
    this.#socket?.end();
  }

  [Symbol.dispose](): void {
    this.#socket?.terminate();
  }

  #hear(bytes: Buffer): void {
    this.received = Buffer.concat([this.received, bytes]);
    this.#wake();
  }

  #flush(): void {
    if (!this.#socket || this.#unsent.length === 0) return;
    const taken = this.#socket.write(this.#unsent);
    if (taken > 0) this.#unsent = this.#unsent.subarray(taken);
  }

  #over(error: Error | undefined): void {
    this.broken ??= error;
    this.ended = true;
    this.#wake();
  }

  async #waitFor(done: () => boolean, timeoutMs: number): Promise<void> {
    const deadlineMs = Date.now() + timeoutMs;
    while (!done()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await withDeadline(
        promise,
        deadlineMs - Date.now(),
        `more than the ${this.received.length} bytes received`,
      );
    }
  }
}

async function withDeadline<T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain: ${what}`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
