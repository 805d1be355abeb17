/** A look that comes this many times later than it should tells that we were held up. */
const LATE = 5;

/**
 * Time in which this process has looked at its sockets. While it is held up (a busy machine, a stopped process) nothing
 * is heard of clients: what they sent meanwhile waits in the kernel, and must not be taken for silence.
 */
export class SeenTime {
  readonly #everyMs: number;
  readonly #nowMs: () => number;
  #lookedMs: number;
  #seenMs = 0;
  #wasLate = false;

  /** Asked about every `everyMs`, but where reaches() is told otherwise. */
  constructor(everyMs: number, nowMs = () => performance.now()) {
    this.#everyMs = everyMs;
    this.#nowMs = nowMs;
    this.#lookedMs = nowMs();
  }

  /** Starts anew. */
  reset(): void {
    this.#lookedMs = this.#nowMs();
    this.#seenMs = 0;
  }

  /** Whether so much has been seen; not right after we were held up: the sockets have their turn first. */
  reaches(ms: number, everyMs = this.#everyMs): boolean {
    const nowMs = this.#nowMs();
    const passedMs = nowMs - this.#lookedMs;
    const longestMs = LATE * everyMs;
    const isLate = passedMs > longestMs;
    // Late again and again is how this machine is.
    const decides = !isLate || this.#wasLate;
    this.#lookedMs = nowMs;
    this.#wasLate = isLate;
    this.#seenMs += Math.min(passedMs, longestMs);
    return decides && this.#seenMs >= ms;
  }
}
