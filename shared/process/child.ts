import type { Subprocess } from "bun";
import { log } from "../log.ts";
import type { Sample } from "../metrics.ts";
import { sentenceOf } from "../user_error.ts";
import { type ChildFds, type ChildName, type Surroundings, startChild } from "./child_program.ts";
import { sendFds } from "./fd_channel.ts";
import { parentLimits } from "./link_limits.ts";
import { closeSockets } from "./listen_socket.ts";
import { killedForMemory } from "./memory_kill.ts";
import type { ChildKind, Detail, LeaveReason, Notice, Order } from "./message.ts";
import { MessageLink } from "./message_link.ts";
import { readNotice } from "./notice.ts";

const REPORT_WAIT_MS = 500;
/** One that ends closes its line at the same moment. */
const END_MS = 1000;

export type ChildState = "starting" | "ready" | "draining" | "gone";

export interface ChildEvents<Up> {
  ready(): void;
  /** What the room says, unread: undefined when it can't be. */
  read(body: unknown): Up | undefined;
  message(body: Up): void;
  /** It would like to be replaced; `asked` says why. */
  leave(): void;
  /** The process has ended; `sentence` says why. `told`: in the child's own words. */
  gone(sentence: string, told: boolean): void;
}

export interface Report {
  samples: Sample[];
  detail: Detail | undefined;
}

/** One managed process, as its supervisor sees it. */
export class Child<Boot, Down, Up> {
  readonly kind: ChildKind;
  readonly slot: number;
  /** What it was told at its start. */
  readonly boot: Boot;
  readonly startedAtMs = Date.now();
  state: ChildState = "starting";
  /** Why it would like to be replaced. */
  asked: LeaveReason | undefined;
  samples: Sample[] = [];
  /** From its start until it was ready; undefined before. */
  bootMs: number | undefined;
  // By the clock that nobody sets.
  readonly #bornAtMs = performance.now();
  #heardAtMs = performance.now();
  readonly #process: Subprocess;
  readonly #events: ChildEvents<Up>;
  readonly #link: MessageLink;
  readonly #channel: number | undefined;
  readonly #gone = Promise.withResolvers<void>();
  readonly #reports = new Map<number, (report: Report) => void>();
  #asked = 0;
  #failure = "";
  #stopped = false;
  /** What it says counts no more. */
  #condemned = false;
  /** How the process has ended; "" while it runs. */
  #end = "";
  #lineIsClosed = false;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(
    name: ChildName,
    boot: Boot,
    fds: ChildFds,
    surroundings: Surroundings,
    events: ChildEvents<Up>,
  ) {
    this.kind = name.kind;
    this.slot = name.slot;
    this.boot = boot;
    this.#events = events;
    const { process, line, channel } = startChild(name, fds, surroundings, (end) => this.#ended(end));
    this.#process = process;
    this.#channel = channel;
    this.#link = new MessageLink(line, parentLimits(name.kind), {
      message: (value) => this.#hear(value),
      broken: (what) => {
        this.#lineIsClosed = true;
        this.#breaksRules(what);
      },
      closed: () => this.#lineClosed(),
    });
    this.#send({ kind: "boot", slot: name.slot, boot });
  }

  /** Hands over copies of descriptors; the message that says what they are must follow. */
  sendFds(fds: readonly number[]): void {
    if (this.#channel === undefined || this.state === "gone") return;
    try {
      sendFds(this.#channel, fds);
    } catch (error) {
      this.#breaksRules(`takes no descriptors (${sentenceOf(error)})`);
    }
  }

  get pid(): number {
    return this.#process.pid;
  }

  get ageMs(): number {
    return performance.now() - this.#bornAtMs;
  }

  /** How long nothing came from it; its heartbeat comes every second once it is ready. */
  get silentMs(): number {
    return performance.now() - this.#heardAtMs;
  }

  /** We could not hear: its silence counts from now. */
  forgiveSilence(): void {
    this.#heardAtMs = performance.now();
  }

  tell(body: Down): void {
    this.#send({ kind: "room", body });
  }

  drain(): void {
    if (this.state === "gone") return;
    this.state = "draining";
    this.#send({ kind: "drain" });
  }

  /** Kills it for this reason. */
  condemn(sentence: string): void {
    if (this.state === "gone") return;
    this.#failure = sentence;
    this.#condemned = true;
    this.state = "draining";
    this.#process.kill("SIGKILL");
  }

  kill(): void {
    this.#stopped = true;
    this.#process.kill("SIGKILL");
  }

  /** It is gone because we wanted it to be: told to drain, or out of time. Not so one that died, or was condemned. */
  get wasStopped(): boolean {
    return this.#stopped;
  }

  /** Resolves when it is gone and its end was told: Bun's own promise is earlier than that. */
  exited(): Promise<void> {
    return this.#gone.promise;
  }

  /** Fresh counters and detail; the last known ones when the child does not answer in time. */
  async report(): Promise<Report> {
    const stale: Report = { samples: this.samples, detail: undefined };
    if (this.state === "gone" || this.state === "starting") return stale;
    const ask = ++this.#asked;
    const answer = new Promise<Report>((resolve) => this.#reports.set(ask, resolve));
    this.#send({ kind: "report", ask });
    const report = await Promise.race([answer, Bun.sleep(REPORT_WAIT_MS).then(() => stale)]);
    this.#reports.delete(ask);
    return report;
  }

  /** Never throws, whatever it is. */
  #hear(value: unknown): void {
    if (this.#condemned) return;
    try {
      const notice = readNotice(value);
      if (notice) this.#obey(notice);
      else this.#breaksRules("says what is no message");
    } catch (error) {
      log.error({ err: error, kind: this.kind, child: this.pid }, "a child's message could not be worked on");
      this.#breaksRules("says what is no message here");
    }
  }

  #obey(notice: Notice<unknown>): void {
    this.#heardAtMs = performance.now();
    switch (notice.kind) {
      case "ready":
        if (this.state === "starting") this.state = "ready";
        this.bootMs ??= this.ageMs;
        this.#events.ready();
        return;
      case "failed":
        this.#failure = notice.sentence;
        return;
      case "leave":
        if (this.asked) return;
        this.asked = notice.reason;
        this.#events.leave();
        return;
      case "beat":
        this.samples = notice.samples;
        return;
      case "report":
        this.samples = notice.samples;
        this.#reports.get(notice.ask)?.({ samples: notice.samples, detail: notice.detail });
        return;
      case "room": {
        const body = this.#events.read(notice.body);
        if (body === undefined) this.#breaksRules("says what is no message");
        else this.#events.message(body);
        return;
      }
    }
  }

  /** Whatever runs in there is not what we have started: another one takes its place. */
  #breaksRules(what: string): void {
    if (this.state === "gone" || this.#condemned) return;
    const sentence = `the ${this.kind} process ${this.pid} was killed: on its line to the supervisor it ${what}`;
    log.error({ kind: this.kind, slot: this.slot, child: this.pid }, sentence);
    this.condemn(sentence);
  }

  #lineClosed(): void {
    this.#lineIsClosed = true;
    if (this.#end !== "") this.#bury();
    else this.#patience = setTimeout(() => this.#breaksRules("has hung up"), END_MS);
  }

  #ended(end: string): void {
    const { exitCode, signalCode } = this.#process;
    if (this.state === "draining" && exitCode === 0) this.#stopped = true;
    const forMemory = signalCode === "SIGKILL" && !this.#stopped && !this.#condemned && killedForMemory();
    this.#end = forMemory ? `${end}, for want of memory` : end;
    clearTimeout(this.#patience);
    if (this.#lineIsClosed) return this.#bury();
    // Its last words may still be on their way; what it has started may hold the line open.
    this.#patience = setTimeout(() => this.#bury(), END_MS);
    this.#link.hearOut();
  }

  #bury(): void {
    if (this.state === "gone") return;
    this.state = "gone";
    clearTimeout(this.#patience);
    this.#link.close();
    if (this.#channel !== undefined) closeSockets([this.#channel]);
    const end = `the ${this.kind} process ${this.pid} ${this.#end}`;
    this.#events.gone(this.#failure || end, this.#failure !== "");
    this.#gone.resolve();
  }

  #send(order: Order<Boot, Down>): void {
    if (this.state !== "gone") this.#link.send(order);
  }
}
