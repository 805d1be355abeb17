/** What a data-plane process tells the supervisor of servers' answers, so that errors count over all processes. */
import type { ProxyUp } from "./proxy_up.ts";
import type { Server } from "./server.ts";

/** Errors are told of together, this long after the first, unless they are enough already. */
const TELL_MS = 10;

export class ServerReports {
  readonly #backend: string;
  readonly #tell: (up: ProxyUp) => void;
  /** Those with something to tell. */
  readonly #waiting = new Set<Server>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(backend: string, tell: (up: ProxyUp) => void) {
    this.#backend = backend;
    this.#tell = tell;
  }

  /** The server has failed once more, or answered well after errors. `now`: what this process saw alone is enough. */
  note(server: Server, now: boolean): void {
    this.#waiting.add(server);
    if (now) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), TELL_MS);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { address, errorsUntold: errors, wellUntold: well } of this.#waiting)
      this.#tell({ kind: "seen", backend: this.#backend, server: address, errors, well });
    for (const server of this.#waiting) {
      server.errorsUntold = 0;
      server.wellUntold = false;
    }
    this.#waiting.clear();
  }
}
