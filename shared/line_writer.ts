import { GONE, type LineSink } from "./line_sink.ts";
import { log } from "./log.ts";
import type { Counter } from "./metrics.ts";
import { sentenceOf } from "./user_error.ts";

const BACKLOG_BYTES_MAX = 8 * 1024 * 1024;
const FLUSH_MS = 100;
/** How soon what was not taken is offered again. */
const RETRY_MS = 10;
const LAST_FLUSH_MS = 2000;
const WARNING_MS = 60_000;
const LINE_END = 10;

/** Lines to a sink, in batches, never waiting for a slow reader or a full disk: what the backlog can't hold is dropped. */
export class LineWriter {
  readonly #sink: LineSink;
  /** Lines thrown away. */
  readonly #dropped: Counter;
  /** Pages that were not taken yet, oldest first. */
  readonly #pages: Uint8Array[] = [];
  #page: Buffer;
  #used = 0;
  #backlogBytes = 0;
  /** The oldest page begins within a line. */
  #torn = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(sink: LineSink, dropped: Counter) {
    this.#sink = sink;
    this.#dropped = dropped;
    this.#page = Buffer.allocUnsafeSlow(sink.pageBytes);
  }

  /** One line with its line end, all ASCII. */
  write(line: string): void {
    if (this.#used + line.length > this.#page.length && !this.#turnPage(line.length)) return;
    this.#used += this.#page.write(line, this.#used, "latin1");
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  /** The same for bytes[0, length). */
  copy(bytes: Buffer, length: number): void {
    if (this.#used + length > this.#page.length && !this.#turnPage(length)) return;
    this.#used += bytes.copy(this.#page, this.#used, 0, length);
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  /** Hands over what is taken now; the rest is offered again soon. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#closePage();
    if (!this.#handOver()) this.#timer = setTimeout(() => this.flush(), RETRY_MS);
  }

  /** Goes on in a new file where the sink is one; lines so far go to the old one if it takes them. */
  reopen(): void {
    this.flush();
    try {
      this.#sink.reopen();
    } catch (error) {
      log.error(`the access log goes on in the old file: ${sentenceOf(error)}`);
      return;
    }
    this.#dropTornLine();
  }

  /** Hands over all that is left, as far as it is taken within two seconds, and closes the sink. */
  async close(): Promise<void> {
    const deadlineMs = performance.now() + LAST_FLUSH_MS;
    for (this.flush(); this.#pages.length > 0 && performance.now() < deadlineMs; this.flush())
      await Bun.sleep(RETRY_MS);
    clearTimeout(this.#timer);
    for (const page of this.#pages.splice(0)) this.#drop(linesIn(page));
    this.#sink.close();
  }

  /** Makes room for a line; false when it must be dropped. */
  #turnPage(length: number): boolean {
    this.#closePage();
    if (this.#backlogBytes + length > BACKLOG_BYTES_MAX) this.#handOver();
    if (this.#backlogBytes + length > BACKLOG_BYTES_MAX) {
      this.#drop(1);
      return false;
    }
    if (length > this.#page.length) this.#page = Buffer.allocUnsafeSlow(length);
    return true;
  }

  #closePage(): void {
    if (this.#used === 0) return;
    const page = this.#page.subarray(0, this.#used);
    this.#used = 0;
    // Mostly it is taken at once, and the same memory serves for the next lines.
    const taken = this.#pages.length === 0 ? this.#offer(page) : 0;
    if (taken === page.length) return;
    if (taken > 0) this.#torn = page[taken - 1] !== LINE_END;
    this.#pages.push(page.subarray(taken));
    this.#backlogBytes += page.length - taken;
    this.#page = Buffer.allocUnsafeSlow(this.#sink.pageBytes);
  }

  /** True when nothing waits any more. */
  #handOver(): boolean {
    while (this.#pages.length > 0) {
      const page = this.#pages[0]!;
      const taken = this.#offer(page);
      this.#backlogBytes -= taken;
      if (taken < page.length) {
        this.#pages[0] = page.subarray(taken);
        if (taken > 0) this.#torn = page[taken - 1] !== LINE_END;
        return false;
      }
      this.#torn = false;
      this.#pages.shift();
    }
    return true;
  }

  #offer(page: Uint8Array): number {
    const taken = this.#sink.write(page);
    if (taken !== GONE) return taken;
    this.#drop(linesIn(page));
    return page.length;
  }

  /** The rest of a line whose start is in the old file makes no sense in the new one. */
  #dropTornLine(): void {
    const [page] = this.#pages;
    if (!this.#torn || page === undefined) return;
    this.#torn = false;
    const rest = page.subarray(page.indexOf(LINE_END) + 1);
    this.#backlogBytes -= page.length - rest.length;
    this.#drop(1);
    if (rest.length > 0) this.#pages[0] = rest;
    else this.#pages.shift();
  }

  #drop(lines: number): void {
    if (lines === 0) return;
    this.#dropped.value += lines;
    const nowMs = performance.now();
    if (nowMs - this.#warnedAtMs < WARNING_MS) return;
    this.#warnedAtMs = nowMs;
    log.warn(
      { dropped: this.#dropped.value },
      "access log lines are dropped: its reader is gone or too slow, or the disk is full",
    );
  }
}

function linesIn(page: Uint8Array): number {
  let lines = 0;
  for (let at = page.indexOf(LINE_END); at >= 0; at = page.indexOf(LINE_END, at + 1)) lines++;
  return lines;
}
