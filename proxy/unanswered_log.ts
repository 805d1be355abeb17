import { log } from "../shared/log.ts";
import type { Exchange } from "./exchange_state.ts";

const PATH_CHARS_MAX = 256;
/** A site whose app answers nothing any more has an access line for each. */
const LINES_MAX = 20;
const WINDOW_MS = 10_000;

/** Warnings that name the requests of which a process of the app died, or which it never answered whole. */
export class UnansweredLog {
  #windowEndMs = 0;
  #lines = 0;
  #untold = 0;

  /** `child`: which of the app's, "serve:0". */
  died(exchange: Exchange, child: string): void {
    this.#tell(
      exchange,
      child,
      "a process of the app died, or closed the connection, without an answer to this request: it is sent to no other",
    );
  }

  cut(exchange: Exchange, child: string): void {
    this.#tell(
      exchange,
      child,
      "a process of the app died, or closed the connection, within its answer to this request",
    );
  }

  silent(exchange: Exchange, child: string): void {
    this.#tell(exchange, child, "a process of the app did not answer this request in time");
  }

  #tell(exchange: Exchange, child: string, sentence: string): void {
    const nowMs = performance.now();
    if (nowMs >= this.#windowEndMs) {
      this.#windowEndMs = nowMs + WINDOW_MS;
      this.#lines = 0;
    }
    if (++this.#lines > LINES_MAX) {
      this.#untold++;
      return;
    }
    const { method, path, route, session } = exchange;
    log.warn(
      {
        method,
        // Without its query, which may hold secrets.
        path: path.slice(0, PATH_CHARS_MAX),
        route: `${route?.host ?? ""}${route?.pathPrefix ?? ""}`,
        child,
        requestId: exchange.claimedId || session.edge.ids.text(exchange.id),
        ...(this.#untold > 0 ? { untold: this.#untold } : {}),
      },
      sentence,
    );
    this.#untold = 0;
  }
}
