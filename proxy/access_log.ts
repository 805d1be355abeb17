import type { LineWriter } from "../shared/line_writer.ts";
import { LogClock, logDate } from "../shared/log_clock.ts";
import { terminalColumns, wantsColours } from "../shared/terminal.ts";
import type { Ending, Exchange } from "./exchange_state.ts";
import { haproxyLine } from "./haproxy_line.ts";
import { JsonLog } from "./json_log.ts";
import type { RequestIds } from "./request_id.ts";
import { watchedLine } from "./watched_line.ts";

/** "watched": short lines for the person at the terminal. */
export type AccessLogFormat = "json" | "haproxy" | "watched";

/** One line an exchange: who asked for what, who answered, how long it took and how it ended. */
export class AccessLog {
  readonly #writer: LineWriter;
  readonly #json: JsonLog | undefined;
  readonly #watched: boolean;
  readonly #coloured = wantsColours();
  readonly #clock = new LogClock(logDate);

  constructor(format: AccessLogFormat, writer: LineWriter, ids: RequestIds) {
    this.#writer = writer;
    this.#watched = format === "watched";
    this.#json = format === "json" ? new JsonLog(writer, ids) : undefined;
  }

  /** `durationMs`: from the whole head of the request to its end, which is now. */
  write(exchange: Exchange, ending: Ending, durationMs: number): void {
    if (this.#json) return this.#json.add(exchange, ending, durationMs);
    if (this.#watched) return this.#writeWatched(exchange, ending, durationMs);
    const date = this.#clock.text(Math.round(Date.now() - durationMs - exchange.headMs));
    this.#writer.write(haproxyLine(exchange, ending, durationMs, date));
  }

  #writeWatched(exchange: Exchange, ending: Ending, durationMs: number): void {
    const watched = { columns: terminalColumns(), coloured: this.#coloured };
    this.#writer.write(watchedLine(exchange, ending, durationMs, Date.now(), watched));
  }

  /** Opens its file anew: the old one was moved away. */
  reopen(): void {
    this.#json?.makeLines();
    this.#writer.reopen();
  }

  close(): Promise<void> {
    this.#json?.close();
    return this.#writer.close();
  }
}
