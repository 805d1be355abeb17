import { log } from "../log.ts";
import { sentenceOf } from "../user_error.ts";
import { restartDelayMs } from "./backoff.ts";
import type { Child } from "./child.ts";
import type { ChildSlot } from "./child_slot.ts";
import type { FleetCounts } from "./fleet_counts.ts";
import { judge, type RecycleLimits, type RecycleReason } from "./recycle.ts";
import { residentBytes } from "./resident_memory.ts";
import type { Turn } from "./turn.ts";

const LOOK_MS = 1000;
/** Those that outgrow their memory sooner than this will always do so: replacing them at once helps nobody. */
const YOUNG_MS = 10_000;
/** A look that comes later than this tells of us (a stopped process, a suspended machine), not of the children. */
const LATE_MS = 2 * LOOK_MS;

/** Looks at the children of a fleet every second: kills those that hang, replaces one at a time of those that are due. */
export class Recycler<Boot, Down, Up> {
  readonly #slots: () => readonly ChildSlot<Boot, Down, Up>[];
  readonly #limits: () => RecycleLimits;
  readonly #counts: FleetCounts;
  readonly #turn: Turn;
  #timer: ReturnType<typeof setInterval> | undefined;
  #lookedAtMs = 0;
  /** Where the next look begins: none is forgotten because one before it is due again and again. */
  #first = 0;
  /** One is being replaced. */
  #busy = false;
  /** Replacements in a row that could not boot. */
  #failures = 0;
  #pausedUntilMs = 0;
  /** Children in a row that outgrew their memory while young. */
  #outgrown = 0;
  #memoryPausedUntilMs = 0;

  constructor(
    slots: () => readonly ChildSlot<Boot, Down, Up>[],
    limits: () => RecycleLimits,
    counts: FleetCounts,
    turn: Turn,
  ) {
    this.#slots = slots;
    this.#limits = limits;
    this.#counts = counts;
    this.#turn = turn;
  }

  start(): void {
    this.#lookedAtMs = performance.now();
    this.#timer ??= setInterval(() => this.#tick(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Acts on the first child that is due, if none is being replaced. */
  look(): void {
    if (!this.#timer) return;
    for (const slot of this.#inTurn()) {
      const child = slot.current;
      if (child?.state !== "ready") continue;
      const verdict = judge(this.#vitals(child), this.#limits());
      if (verdict.action === "keep") continue;
      const { reason, why } = verdict;
      if (verdict.action === "kill") {
        this.#counts.recycled(reason);
        child.condemn(`the ${child.kind} process ${child.pid} ${why}`);
      } else if (!this.#busy && performance.now() >= this.#pausedUntilMs) {
        this.#first = slot.index + 1;
        void this.#replace(slot, child, reason, why);
      }
    }
  }

  #outgrew(ageMs: number): void {
    this.#outgrown = ageMs < YOUNG_MS ? this.#outgrown + 1 : 0;
    if (this.#outgrown < 2) return;
    const againInMs = restartDelayMs(this.#outgrown);
    this.#memoryPausedUntilMs = performance.now() + againInMs;
    log.warn({ againInMs }, "max_memory is less than these processes need soon after their start: raise it");
  }

  #tick(): void {
    const nowMs = performance.now();
    const awayMs = nowMs - this.#lookedAtMs - LOOK_MS;
    this.#lookedAtMs = nowMs;
    if (awayMs > LATE_MS) for (const { current } of this.#slots()) current?.forgiveSilence();
    this.look();
  }

  #vitals(child: Child<Boot, Down, Up>) {
    const { asked, ageMs, silentMs } = child;
    const looked = this.#limits().memoryBytes > 0 && performance.now() >= this.#memoryPausedUntilMs;
    return { asked, ageMs, silentMs, memoryBytes: looked ? residentBytes(child.pid) : 0 };
  }

  /** All places, another first each time. */
  #inTurn(): ChildSlot<Boot, Down, Up>[] {
    const slots = this.#slots();
    const first = this.#first % Math.max(1, slots.length);
    return [...slots.slice(first), ...slots.slice(0, first)];
  }

  /** Ends when the old one has left, so that old ones never pile up. */
  async #replace(
    slot: ChildSlot<Boot, Down, Up>,
    child: Child<Boot, Down, Up>,
    reason: RecycleReason,
    why: string,
  ): Promise<void> {
    this.#busy = true;
    const { ageMs } = child;
    try {
      const done = await this.#turn.take(async () => {
        // A roll, or its own death, may have come first.
        if (!this.#timer || slot.current !== child || child.state !== "ready") return false;
        // A reload that failed meanwhile has taken back its limits.
        if (judge(this.#vitals(child), this.#limits()).action === "keep") return false;
        log.info({ kind: child.kind, child: child.pid, reason }, `${why}: starting another in its place`);
        await slot.replace();
        return true;
      });
      this.#failures = 0;
      if (!done) return;
      this.#counts.recycled(reason);
      if (reason === "max_memory") this.#outgrew(ageMs);
      await child.exited();
    } catch (error) {
      // The replacement was ended with all the others.
      if (!this.#timer) return;
      const delayMs = restartDelayMs(++this.#failures);
      this.#pausedUntilMs = performance.now() + delayMs;
      log.error(
        { kind: child.kind, child: child.pid, againInMs: delayMs },
        `not replaced: ${sentenceOf(error)}`,
      );
    } finally {
      this.#busy = false;
    }
    this.look();
  }
}
