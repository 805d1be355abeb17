/**
 * The kernel gives each slot its share of new connections, also while the process of that slot is dead, boots or is
 * blocked. Then another process accepts them meanwhile, from the same sockets. Whoever chooses a process by itself, as
 * the edge does, passes by those that are blocked.
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
  /** answering() says another. */
  changed(): void;
}

export class Lending<One extends Answering> {
  readonly #spec: LendingSpec<One>;
  /** To whom the sockets of a slot are lent; several when one of them was blocked in its turn. */
  readonly #lent = new Map<number, Set<One>>();
  /** Those that are passed by. */
  #silent: readonly One[] = [];
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

  /** Those that should be given requests: where none gives a sign of life, all. */
  answering(): readonly One[] {
    const ready = this.#spec.ready();
    const well = ready.filter(isWell);
    return well.length > 0 ? well : ready;
  }

  look(): void {
    const ready = this.#spec.ready();
    const well = ready.filter(isWell);
    this.#passBy(well.length > 0 ? ready.filter((one) => !isWell(one)) : []);
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

  #passBy(silent: readonly One[]): void {
    const before = this.#silent;
    this.#silent = silent;
    if (silent.length !== before.length || silent.some((one) => !before.includes(one))) this.#spec.changed();
  }
}

function isWell({ silentMs }: Answering): boolean {
  return silentMs < SILENT_MS;
}
