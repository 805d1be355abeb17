const TICK_MS_MAX = 500;
const TICK_MS_MIN = 20;

/** Something with a moment after which it is no longer waited for. */
export interface Timed {
  /** On the clock of Deadlines; Infinity: none. */
  deadlineMs: number;
  /** Index in the list of Deadlines; its own business. */
  place: number;
  /** The moment has passed. Must set another deadline or remove itself. */
  expire(): void;
}

/**
 * One coarse clock for all deadlines: setting one is a store to a field, and one pass over all of them at every tick
 * finds those that are due (20,000 connections: about 0.1 ms). No timer a socket.
 */
export class Deadlines {
  /** Milliseconds, as of the last tick. */
  nowMs = performance.now();
  readonly #timed: Timed[] = [];
  #tickMs = 0;
  /** How far behind the clock has been when a deadline was set. */
  #behindMs = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `shortestMs`: the shortest timeout in use; the clock ticks at least four times within it. */
  start(shortestMs: number): void {
    const tickMs = Math.min(TICK_MS_MAX, Math.max(TICK_MS_MIN, shortestMs / 4));
    // Started anew at every reload, it would never tick while they come fast.
    if (this.#timer !== undefined && tickMs === this.#tickMs) return;
    this.#tickMs = tickMs;
    this.#behindMs = Math.max(this.#behindMs, tickMs);
    this.stop();
    this.nowMs = performance.now();
    this.#timer = setInterval(() => this.tick(performance.now()), this.#tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  get size(): number {
    return this.#timed.length;
  }

  add(timed: Timed): void {
    timed.place = this.#timed.length;
    this.#timed.push(timed);
  }

  remove(timed: Timed): void {
    const last = this.#timed.pop();
    if (last === undefined || last === timed) return;
    this.#timed[timed.place] = last;
    last.place = timed.place;
  }

  tick(nowMs: number): void {
    this.nowMs = nowMs;
    // Deadlines were set by a clock that was up to one tick behind: late is forgiven, early is not.
    const dueMs = nowMs - this.#behindMs;
    // From the end: an expired one may remove itself, which moves the last one into its place.
    for (let i = this.#timed.length - 1; i >= 0; i--) {
      const timed = this.#timed[i];
      if (timed !== undefined && timed.deadlineMs <= dueMs) timed.expire();
    }
  }

  /** All of them now; for closing down. */
  each(visit: (timed: Timed) => void): void {
    for (const timed of [...this.#timed]) visit(timed);
  }
}
