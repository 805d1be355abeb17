import { log } from "../log.ts";
import { timerMs } from "../timer.ts";
import { sentenceOf, UserError } from "../user_error.ts";
import { restartDelayMs } from "./backoff.ts";
import { Child, type ChildEvents } from "./child.ts";
import type { FleetSpec } from "./fleet.ts";

/** A child that was ready this long is forgiven its earlier failures. */
const STEADY_MS = 10_000;

/** What a slot tells its fleet, beside what the fleet's owner wants to know. */
export interface SlotSpec<Boot, Down, Up> extends FleetSpec<Boot, Down, Up> {
  /** The child would like to be replaced. */
  onAsked(): void;
  /** It died and will be started again. */
  onRestart(): void;
}

/** One place among a fleet's children: who holds it now, who is leaving it, and when a dead one is started again. */
export class ChildSlot<Boot, Down, Up> {
  current: Child<Boot, Down, Up> | undefined;
  restarts = 0;
  /** Why the last one died; "" once its successor has been steady. */
  lastFailure = "";
  readonly index: number;
  readonly #spec: SlotSpec<Boot, Down, Up>;
  /** Started to take the place of `current`; not ready yet. */
  #candidate: Child<Boot, Down, Up> | undefined;
  /** Replaced; they finish what they have. */
  readonly #leavers = new Set<Child<Boot, Down, Up>>();
  /** Deaths in a row without a steady time between. */
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** A dead child is started again. */
  #kept = false;
  #abandoned = false;

  constructor(index: number, spec: SlotSpec<Boot, Down, Up>) {
    this.index = index;
    this.#spec = spec;
  }

  /** Resolves when the first child is ready; throws its sentence when it can't boot, and does not try again. */
  async start(): Promise<void> {
    const { child, ready } = this.#launch();
    this.current = child;
    await ready;
    this.#kept = !this.#abandoned;
    this.#welcome(child);
  }

  /** A new child takes the place once it is ready, and the old one leaves. Throws, with the old one in place, when it can't boot. */
  async replace(): Promise<void> {
    const { child, ready } = this.#launch();
    this.#candidate = child;
    try {
      await ready;
    } finally {
      this.#candidate = undefined;
    }
    clearTimeout(this.#timer);
    const old = this.current;
    this.current = child;
    this.#welcome(child);
    if (old && old.state !== "gone") this.#dismiss(old);
  }

  living(): Child<Boot, Down, Up>[] {
    const all = [this.current, this.#candidate, ...this.#leavers];
    return all.flatMap((child) => (child && child.state !== "gone" ? [child] : []));
  }

  /** From now on the dead stay dead. */
  abandon(): void {
    this.#abandoned = true;
    this.#kept = false;
    clearTimeout(this.#timer);
  }

  /** The place is given up: its child leaves, with no other to follow. Resolves when it has. */
  async retire(): Promise<void> {
    this.abandon();
    const old = this.current;
    this.current = undefined;
    if (!old || old.state === "gone") return;
    this.#dismiss(old);
    await old.exited();
  }

  #launch(): { child: Child<Boot, Down, Up>; ready: Promise<void> } {
    const { kind } = this.#spec;
    const { bootMs } = this.#spec.deadlines();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let late = false;
    let isReady = false;
    const child: Child<Boot, Down, Up> = this.#spawn({
      ready: () => {
        isReady = true;
        resolve();
      },
      read: (body) => this.#spec.read?.(body, child),
      message: (body) => this.#spec.onMessage?.(child, body),
      leave: () => this.#spec.onAsked(),
      gone: (sentence, told) => {
        clearTimeout(timer);
        const end = late
          ? `the ${kind} process ${child.pid} was not ready after ${bootMs / 1000} s`
          : sentence;
        const why = told || isReady ? end : (this.#spec.whileLoading?.(end) ?? end);
        reject(new UserError(why));
        this.#bury(child, why);
      },
    });
    const timer = setTimeout(() => {
      late = true;
      child.kill();
    }, timerMs(bootMs));
    return { child, ready: promise.finally(() => clearTimeout(timer)) };
  }

  /** Throws a UserError when the machine has no room for one more. */
  #spawn(events: ChildEvents<Up>): Child<Boot, Down, Up> {
    const { kind, title, fds, given, channel = false, surroundings, onRefused } = this.#spec;
    const boot = this.#spec.boot(this.index);
    try {
      const inherited = { fds: fds?.(this.index) ?? [], given: given?.(boot) ?? [], channel };
      const name = { kind, slot: this.index, title: title?.() ?? "" };
      return new Child(name, boot, inherited, surroundings?.() ?? {}, events);
    } catch (error) {
      onRefused?.(boot);
      throw error;
    }
  }

  #welcome(child: Child<Boot, Down, Up>): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#failures = 0;
      this.lastFailure = "";
    }, STEADY_MS);
    if (child.state === "ready") this.#spec.onReady?.(child);
  }

  #dismiss(child: Child<Boot, Down, Up>): void {
    this.#leavers.add(child);
    child.drain();
    const leaveMs = this.#spec.leaveMs?.(child) ?? this.#spec.deadlines().drainMs;
    const late = setTimeout(() => child.kill(), timerMs(leaveMs));
    void child.exited().finally(() => clearTimeout(late));
  }

  #bury(child: Child<Boot, Down, Up>, sentence: string): void {
    this.#leavers.delete(child);
    this.#spec.onGone?.(child, sentence);
    if (child !== this.current || !this.#kept) return;
    this.restarts++;
    this.#spec.onRestart();
    this.#failed(sentence);
  }

  /** Tried again later. */
  #failed(sentence: string): void {
    this.lastFailure = sentence;
    this.#failures++;
    const delayMs = restartDelayMs(this.#failures, this.#spec.restartLongestMs);
    log.warn({ kind: this.#spec.kind, slot: this.index, restartInMs: delayMs }, sentence);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#restart(), delayMs);
  }

  #restart(): void {
    try {
      const { child, ready } = this.#launch();
      this.current = child;
      ready.then(
        () => this.#welcome(child),
        // #bury has heard it and will try again.
        () => undefined,
      );
    } catch (error) {
      // The machine has no process, memory or descriptor left; it may have some later.
      this.#failed(sentenceOf(error));
    }
  }
}
