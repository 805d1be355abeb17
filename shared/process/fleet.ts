import { log } from "../log.ts";
import { type Sample, sumSamples } from "../metrics.ts";
import { UserError } from "../user_error.ts";
import { restartDelayMs } from "./backoff.ts";
import { Child, type ChildState } from "./child.ts";
import type { ChildKind } from "./message.ts";

/** A child that was ready this long is forgiven its earlier failures. */
const STEADY_MS = 10_000;

export interface FleetSpec<Boot, Down, Up> {
  kind: ChildKind;
  /** How many children; slots count from 0. */
  slots: number;
  bootTimeoutMs: number;
  boot(slot: number): Boot;
  /** Descriptors the child of a slot inherits as 3, 4, … */
  fds?(slot: number): readonly number[];
  onReady?(child: Child<Boot, Down, Up>): void;
  onGone?(child: Child<Boot, Down, Up>): void;
  onMessage?(child: Child<Boot, Down, Up>, body: Up): void;
}

export interface ChildStatus {
  kind: ChildKind;
  slot: number;
  pid: number;
  state: ChildState;
  startedAtMs: number;
  restarts: number;
  detail?: unknown;
}

interface Slot<Boot, Down, Up> {
  child: Child<Boot, Down, Up> | undefined;
  /** Deaths in a row without a steady time between. */
  failures: number;
  restarts: number;
  lastFailure: string;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** The children of one kind: started together, each brought back with back-off when it dies, drained together. */
export class Fleet<Boot, Down, Up> {
  readonly #spec: FleetSpec<Boot, Down, Up>;
  readonly #slots: Slot<Boot, Down, Up>[];
  /** Counters of children that are gone. */
  #retired: Sample[] = [];
  #leaving = false;
  #starting: { resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(spec: FleetSpec<Boot, Down, Up>) {
    this.#spec = spec;
    this.#slots = Array.from({ length: spec.slots }, () => ({
      child: undefined,
      failures: 0,
      restarts: 0,
      lastFailure: "",
      timer: undefined,
    }));
  }

  /** Resolves when every child is ready. When one can't boot, all are ended and its sentence is thrown. */
  async start(): Promise<void> {
    const started = new Promise<void>((resolve, reject) => {
      this.#starting = { resolve, reject };
    });
    this.#slots.forEach((_, slot) => {
      this.#spawn(slot);
    });
    try {
      await started;
    } catch (error) {
      this.kill();
      throw error;
    } finally {
      this.#starting = undefined;
    }
  }

  /** Those that can be given work. */
  ready(): Child<Boot, Down, Up>[] {
    return this.#slots.flatMap(({ child }) => (child?.state === "ready" ? [child] : []));
  }

  broadcast(body: Down): void {
    for (const child of this.#living()) child.tell(body);
  }

  /** Every child finishes what runs and exits; after the deadline the rest is killed. */
  async drain(deadlineMs: number): Promise<void> {
    this.#leaving = true;
    for (const slot of this.#slots) clearTimeout(slot.timer);
    const living = this.#living();
    for (const child of living) child.drain();
    const all = Promise.all(living.map((child) => child.exited()));
    const late = setTimeout(() => this.kill(), deadlineMs);
    await all;
    clearTimeout(late);
  }

  kill(): void {
    this.#leaving = true;
    for (const slot of this.#slots) clearTimeout(slot.timer);
    for (const child of this.#living()) child.kill();
  }

  /** Why this fleet is not whole; undefined when it is. */
  complaint(): string | undefined {
    const missing = this.#slots.filter(({ child }) => child?.state !== "ready");
    if (missing.length === 0) return undefined;
    const reason = missing.find(({ lastFailure }) => lastFailure)?.lastFailure;
    return `${missing.length} of ${this.#slots.length} ${this.#spec.kind} processes not ready${reason ? `: ${reason}` : ""}`;
  }

  async status(): Promise<ChildStatus[]> {
    return Promise.all(
      this.#slots.map(async ({ child, restarts }, slot) => ({
        kind: this.#spec.kind,
        slot,
        pid: child?.pid ?? 0,
        state: child?.state ?? ("gone" as const),
        startedAtMs: child?.startedAtMs ?? 0,
        restarts,
        detail: (await child?.report())?.detail,
      })),
    );
  }

  /** Counters summed over all children there have been. */
  async samples(): Promise<Sample[]> {
    const reports = await Promise.all(this.#living().map((child) => child.report()));
    return sumSamples([...this.#retired, ...reports.flatMap((report) => report.samples)]);
  }

  #living(): Child<Boot, Down, Up>[] {
    return this.#slots.flatMap(({ child }) => (child && child.state !== "gone" ? [child] : []));
  }

  #spawn(index: number): void {
    const slot = this.#slots[index]!;
    const { kind, bootTimeoutMs } = this.#spec;
    const child = new Child<Boot, Down, Up>(
      kind,
      index,
      this.#spec.boot(index),
      this.#spec.fds?.(index) ?? [],
      {
        ready: () => {
          clearTimeout(slot.timer);
          slot.timer = setTimeout(() => {
            slot.failures = 0;
            slot.lastFailure = "";
          }, STEADY_MS);
          if (!this.#leaving) this.#spec.onReady?.(child);
          if (this.ready().length === this.#slots.length) this.#starting?.resolve();
        },
        message: (body) => this.#spec.onMessage?.(child, body),
        gone: (sentence) => this.#lost(index, child, sentence),
      },
    );
    slot.child = child;
    slot.timer = setTimeout(() => {
      log.warn({ pid: child.pid, kind }, `not ready after ${bootTimeoutMs / 1000} s: starting it again`);
      child.kill();
    }, bootTimeoutMs);
  }

  #lost(index: number, child: Child<Boot, Down, Up>, sentence: string): void {
    const slot = this.#slots[index]!;
    clearTimeout(slot.timer);
    this.#retired = sumSamples([...this.#retired, ...child.samples.filter(({ kind }) => kind !== "gauge")]);
    this.#spec.onGone?.(child);
    if (this.#leaving) return;
    slot.lastFailure = sentence;
    if (this.#starting) {
      this.#starting.reject(new UserError(sentence));
      return;
    }
    slot.failures++;
    slot.restarts++;
    const delayMs = restartDelayMs(slot.failures);
    log.warn({ kind: this.#spec.kind, slot: index, restartInMs: delayMs }, sentence);
    slot.timer = setTimeout(() => this.#spawn(index), delayMs);
  }
}
