import type { LineWriter } from "../shared/line_writer.ts";
import { isoDate, LogClock, logDate } from "../shared/log_clock.ts";
import type { Ending, Exchange } from "./exchange_state.ts";
import { haproxyLine } from "./haproxy_line.ts";
import { jsonLine } from "./json_line.ts";
import type { RequestIds } from "./request_id.ts";

export type AccessLogFormat = "json" | "haproxy";

/** One line an exchange: who asked for what, who answered, how long it took and how it ended. */
export class AccessLog {
  readonly #writer: LineWriter;
  readonly #format: AccessLogFormat;
  readonly #ids: RequestIds;
  readonly #clock: LogClock;

  constructor(format: AccessLogFormat, writer: LineWriter, ids: RequestIds) {
    this.#format = format;
    this.#writer = writer;
    this.#ids = ids;
    this.#clock = new LogClock(format === "json" ? isoDate : logDate);
  }

  /** `durationMs`: from the whole head of the request to its end, which is now. */
  write(exchange: Exchange, ending: Ending, durationMs: number): void {
    const nowMs = Date.now();
    if (this.#format === "json") {
      const time = this.#clock.text(nowMs);
      this.#writer.write(jsonLine(exchange, ending, durationMs, time, this.#ids.text(exchange.id)));
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
