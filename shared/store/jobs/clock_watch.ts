/** Less is what clocks do by themselves (adjtime(3)). */
const STEP_MS = 1_000;

/** Notices that the clock was set, or that the machine slept, by the clock that nobody sets. */
export class ClockWatch {
  readonly #nowMs: () => number;
  #wallMs: number;
  #steadyMs = performance.now();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#wallMs = nowMs();
  }

  /** How far it was set since the last call, in milliseconds; 0: it was not. */
  step(): number {
    const [wallMs, steadyMs] = [this.#nowMs(), performance.now()];
    const stepMs = wallMs - this.#wallMs - (steadyMs - this.#steadyMs);
    [this.#wallMs, this.#steadyMs] = [wallMs, steadyMs];
    return Math.abs(stepMs) >= STEP_MS ? stepMs : 0;
  }
}
