import { type Sample, sumSamples } from "../metrics.ts";
import { timerMs } from "../timer.ts";
import type { Child, ChildState } from "./child.ts";
import type { Surroundings } from "./child_program.ts";
import { ChildSlot } from "./child_slot.ts";
import { FleetCounts } from "./fleet_counts.ts";
import type { ChildKind, Detail } from "./message.ts";
import { RECYCLE_REASONS, type RecycleLimits } from "./recycle.ts";
import { Recycler } from "./recycler.ts";
import { residentBytes } from "./resident_memory.ts";
import { Turn } from "./turn.ts";

const NO_LIMITS: RecycleLimits = { memoryBytes: 0, ageMs: 0, hangMs: 0 };

export interface FleetSpec<Boot, Down, Up> {
  kind: ChildKind;
  /** What they work on, for ps. */
  title?(): string;
  /** How many children; slots count from 0. */
  slots: number;
  /** Looked up each time: one that is not ready after `bootMs`, or replaced and not gone after `drainMs`, is killed. */
  deadlines(): { bootMs: number; drainMs: number };
  /** How long this one may take to leave when it is replaced; as `deadlines` says when absent or undefined. */
  leaveMs?(child: Child<Boot, Down, Up>): number | undefined;
  /** The longest wait before one that dies again and again is started anew; 30 s when absent. */
  restartLongestMs?: number;
  /** Puts what was being loaded to the sentence about a child that ended, or was too slow, before it was ready. */
  whileLoading?(sentence: string): string;
  /** When a child that works is replaced; never by itself when absent. */
  limits?(): RecycleLimits;
  boot(slot: number): Boot;
  /** Descriptors the child of a slot inherits as 3, 4, … */
  fds?(slot: number): readonly number[];
  /** Behind them what is opened for one child alone; it is closed here when the child has it. */
  given?(boot: Boot): readonly number[];
  /** It could not be started. */
  onRefused?(boot: Boot): void;
  /** Each child gets a channel behind those, for descriptors that come later. */
  channel?: boolean;
  /** Looked up at each start of a child. */
  surroundings?(): Surroundings;
  onReady?(child: Child<Boot, Down, Up>): void;
  /** `sentence` says how it ended. */
  onGone?(child: Child<Boot, Down, Up>, sentence: string): void;
  /**
   * What a child says of the room's own, as it came: undefined when it can't be, or when it is not for this child to say.
   * Absent where children have nothing to say.
   */
  read?(body: unknown, child: Child<Boot, Down, Up>): Up | undefined;
  onMessage?(child: Child<Boot, Down, Up>, body: Up): void;
}

export interface ChildStatus {
  kind: ChildKind;
  slot: number;
  pid: number;
  state: ChildState;
  startedAtMs: number;
  /** From its start until it was ready; absent before. */
  bootMs?: number | undefined;
  memoryBytes: number;
  /** Since the child was last heard of. */
  silentMs: number;
  restarts: number;
  detail?: Detail | undefined;
}

/** The children of one kind: started together, each brought back with back-off when it dies, drained together. */
export class Fleet<Boot, Down, Up> {
  readonly #spec: FleetSpec<Boot, Down, Up>;
  readonly #makeSlot: (index: number) => ChildSlot<Boot, Down, Up>;
  readonly #slots: ChildSlot<Boot, Down, Up>[];
  /** Those whose first child is not ready yet, and those that were given up, until their child has left. */
  readonly #apart = new Set<ChildSlot<Boot, Down, Up>>();
  readonly #counts: FleetCounts;
  readonly #turn = new Turn();
  readonly #recycler: Recycler<Boot, Down, Up>;
  /** Counters of children that are gone. */
  #retired: Sample[] = [];

  constructor(spec: FleetSpec<Boot, Down, Up>) {
    const onGone = (child: Child<Boot, Down, Up>, sentence: string) => {
      this.#retire(child.samples);
      spec.onGone?.(child, sentence);
    };
    this.#spec = spec;
    this.#counts = new FleetCounts(spec.kind, spec.limits ? RECYCLE_REASONS : ["term"]);
    const onAsked = () => this.#recycler.look();
    const onRestart = () => this.#counts.restarts++;
    this.#makeSlot = (index) => new ChildSlot(index, { ...spec, onGone, onAsked, onRestart });
    this.#slots = Array.from({ length: spec.slots }, (_, index) => this.#makeSlot(index));
    const limits = () => spec.limits?.() ?? NO_LIMITS;
    this.#recycler = new Recycler(() => this.#slots, limits, this.#counts, this.#turn);
  }

  /** Resolves when every child is ready. When one can't boot, all are ended and its sentence is thrown. */
  async start(): Promise<void> {
    try {
      await Promise.all(this.#slots.map((slot) => slot.start()));
      this.#recycler.start();
    } catch (error) {
      this.kill();
      throw error;
    }
  }

  /**
   * Replaces every child, one at a time, the new one ready before the old one leaves. Throws the sentence of the first
   * one that can't boot: those not replaced yet go on as they are.
   */
  async roll(): Promise<void> {
    await this.#turn.take(async () => {
      for (const slot of this.#slots) await slot.replace();
    });
  }

  /** How many children there shall be now. */
  get size(): number {
    return this.#slots.length;
  }

  /** One child more. Throws its sentence, with nothing changed, when it can't boot. */
  grow(): Promise<void> {
    return this.#turn.take(async () => {
      const slot = this.#makeSlot(this.#slots.length);
      this.#apart.add(slot);
      try {
        await slot.start();
        this.#slots.push(slot);
      } finally {
        this.#apart.delete(slot);
      }
    });
  }

  /** One child less: the last one finishes what it has and leaves. Resolves when it has been told. */
  shrink(): Promise<void> {
    return this.#turn.take(async () => {
      const slot = this.#slots.pop();
      if (!slot) return;
      this.#apart.add(slot);
      void slot.retire().finally(() => this.#apart.delete(slot));
    });
  }

  /** The child that shrink() would dismiss. */
  get last(): Child<Boot, Down, Up> | undefined {
    return this.#slots.at(-1)?.current;
  }

  /** Those that can be given work. */
  ready(): Child<Boot, Down, Up>[] {
    return this.#slots.flatMap(({ current }) => (current?.state === "ready" ? [current] : []));
  }

  /** Every living child, whether ready, starting or leaving. */
  living(): Child<Boot, Down, Up>[] {
    return this.#all().flatMap((slot) => slot.living());
  }

  broadcast(body: Down): void {
    for (const child of this.living()) child.tell(body);
  }

  /** Nobody is replaced any more; who dies still is. */
  settle(): void {
    this.#recycler.stop();
  }

  /** Every child finishes what runs and exits; after the deadline the rest is killed. */
  async drain(deadlineMs: number): Promise<void> {
    this.#recycler.stop();
    for (const slot of this.#all()) slot.abandon();
    const living = this.living();
    for (const child of living) child.drain();
    const late = setTimeout(() => this.kill(), timerMs(deadlineMs));
    await Promise.all(living.map((child) => child.exited()));
    clearTimeout(late);
  }

  kill(): void {
    this.#recycler.stop();
    for (const slot of this.#all()) slot.abandon();
    for (const child of this.living()) child.kill();
  }

  /** Why this fleet is not whole; undefined when it is. */
  complaint(): string | undefined {
    const missing = this.#slots.filter(({ current }) => current?.state !== "ready");
    if (missing.length === 0) return undefined;
    const reason = missing.find(({ lastFailure }) => lastFailure)?.lastFailure;
    return `${missing.length} of ${this.#slots.length} ${this.#spec.kind} processes not ready${reason ? `: ${reason}` : ""}`;
  }

  /** The child of each slot, and behind it those that are leaving. */
  async status(): Promise<ChildStatus[]> {
    const rows = this.#all().map((slot) => {
      const { index } = slot;
      const children = slot.living();
      return (children.length > 0 ? children : [slot.current]).map((child) =>
        this.#row(index, slot.restarts, child),
      );
    });
    return Promise.all(rows.flat());
  }

  /** Counters summed over all children there have been, as last heard: nobody is asked. */
  lastSamples(): Sample[] {
    return sumSamples([...this.#retired, ...this.living().flatMap((child) => child.samples)]);
  }

  /** Counters summed over all children there have been. */
  async samples(): Promise<Sample[]> {
    // Taken first: a child that dies while we wait must not count twice.
    const retired = this.#retired;
    const reports = await Promise.all(this.living().map((child) => child.report()));
    return sumSamples([
      ...retired,
      ...reports.flatMap((report) => report.samples),
      ...this.#counts.samples(),
    ]);
  }

  async #row(slot: number, restarts: number, child: Child<Boot, Down, Up> | undefined): Promise<ChildStatus> {
    const { kind } = this.#spec;
    if (!child) {
      return { kind, slot, pid: 0, state: "gone", startedAtMs: 0, memoryBytes: 0, silentMs: 0, restarts };
    }
    // All rows are of one moment: while one child is asked, another may take its place.
    const { pid, state, startedAtMs, bootMs, silentMs } = child;
    const { detail } = await child.report();
    const memoryBytes = residentBytes(pid);
    return { kind, slot, pid, state, startedAtMs, bootMs, memoryBytes, silentMs, restarts, detail };
  }

  #all(): ChildSlot<Boot, Down, Up>[] {
    return [...this.#slots, ...this.#apart];
  }

  #retire(samples: readonly Sample[]): void {
    this.#retired = sumSamples([...this.#retired, ...samples.filter(({ kind }) => kind !== "gauge")]);
  }
}
