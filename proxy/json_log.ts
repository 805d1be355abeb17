import type { LineWriter } from "../shared/line_writer.ts";
import type { Ending, Exchange } from "./exchange_state.ts";
import { JsonLines } from "./json_line.ts";
import { LogRecord } from "./log_record.ts";
import type { RequestIds } from "./request_id.ts";

/**
 * As many lines are made at a time: between two exchanges the code and the pages that a line needs leave the processor's
 * caches, and one by one each would have to bring them back. More would hold up the exchanges that wait.
 */
const BATCH = 64;
const WAIT_MS = 100;

/** The access log in JSON. */
export class JsonLog {
  readonly #writer: LineWriter;
  readonly #lines: JsonLines;
  readonly #records = Array.from({ length: BATCH }, () => new LogRecord());
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(writer: LineWriter, ids: RequestIds) {
    this.#writer = writer;
    this.#lines = new JsonLines(ids);
  }

  add(exchange: Exchange, ending: Ending, durationMs: number): void {
    this.#records[this.#count++]!.take(exchange, ending, durationMs);
    if (this.#count === BATCH) this.makeLines();
    else this.#timer ??= setTimeout(() => this.#waited(), WAIT_MS);
  }

  /** Gives the writer a line of each exchange so far. */
  makeLines(): void {
    const epochMs = Date.now() - performance.now();
    for (let i = 0; i < this.#count; i++) {
      const { bytes, length } = this.#lines.make(this.#records[i]!, epochMs);
      this.#writer.copy(bytes, length);
    }
    this.#count = 0;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.makeLines();
  }

  #waited(): void {
    this.#timer = undefined;
    this.makeLines();
    this.#writer.flush();
  }
}
