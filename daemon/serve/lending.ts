/**
 * The kernel gives each slot its share of new connections, also while the process of that slot is dead, boots or is
 * blocked. Then another process accepts them meanwhile, from the same sockets.
 */
const LOOK_MS = 500;
/** A heartbeat comes every second. */
const SILENT_MS = 3000;

interface Answering {
  slot: number;
  silentMs: number;
}

/** What the sockets of a slot are lent by. */
export interface LendingSpec<One> {
  /** How many slots there are. */
  slots(): number;
  /** The children that are ready. */
  ready(): readonly One[];
  lend(slot: number, to: One): void;
  giveBack(slot: number, from: One): void;
}

export class Lending<One extends Answering> {
  readonly #spec: LendingSpec<One>;
  /** To whom the sockets of a slot are lent; several when one of them was blocked in its turn. */
  readonly #lent = new Map<number, Set<One>>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(spec: LendingSpec<One>) {
    this.#spec = spec;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  look(): void {
    const ready = this.#spec.ready();
    const well = ready.filter(({ silentMs }) => silentMs < SILENT_MS);
    const slots = this.#spec.slots();
    for (const [slot, borrowers] of this.#lent) {
      for (const one of borrowers) if (!ready.includes(one)) borrowers.delete(one);
      if (slot < slots && !well.some((one) => one.slot === slot)) continue;
      for (const one of borrowers) this.#spec.giveBack(slot, one);
      this.#lent.delete(slot);
    }
    for (let slot = 0; slot < slots && well.length > 0; slot++) {
      if (well.some((one) => one.slot === slot)) continue;
      const borrowers = this.#lent.get(slot) ?? new Set();
      const to = well[slot % well.length];
      if (!to || well.some((one) => borrowers.has(one))) continue;
      this.#lent.set(slot, borrowers.add(to));
      this.#spec.lend(slot, to);
    }
  }
}
