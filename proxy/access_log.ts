import type { LineWriter } from "../shared/line_writer.ts";
import { LogClock, logDate } from "../shared/log_clock.ts";
import type { Ending, Exchange } from "./exchange_state.ts";
import { haproxyLine } from "./haproxy_line.ts";
import { JsonLines } from "./json_line.ts";
import type { RequestIds } from "./request_id.ts";

export type AccessLogFormat = "json" | "haproxy";

/** One line an exchange: who asked for what, who answered, how long it took and how it ended. */
export class AccessLog {
  readonly #writer: LineWriter;
  readonly #format: AccessLogFormat;
  readonly #json: JsonLines;
  readonly #clock = new LogClock(logDate);

  constructor(format: AccessLogFormat, writer: LineWriter, ids: RequestIds) {
    this.#format = format;
    this.#writer = writer;
    this.#json = new JsonLines(ids);
  }

  /** `durationMs`: from the whole head of the request to its end, which is now. */
  write(exchange: Exchange, ending: Ending, durationMs: number): void {
    const nowMs = Date.now();
    if (this.#format === "json") {
      const { bytes, length } = this.#json.make(exchange, ending, durationMs, nowMs);
      this.#writer.copy(bytes, length);
    } else {
      const date = this.#clock.text(Math.round(nowMs - durationMs - exchange.headMs));
      this.#writer.write(haproxyLine(exchange, ending, durationMs, date));
    }
  }

  /** Opens its file anew: the old one was moved away. */
  reopen(): void {
    this.#writer.reopen();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}
