import type { Subprocess } from "bun";
import type { Sample } from "../metrics.ts";
import { UserError } from "../user_error.ts";
import { childVariables } from "./child_start.ts";
import { type FdChannel, openFdChannel, sendFds } from "./fd_channel.ts";
import { closeSockets } from "./listen_socket.ts";
import type { ChildKind, LeaveReason, Notice, Order } from "./message.ts";
import { folderForChildren } from "./start_folder.ts";

const REPORT_WAIT_MS = 500;
/**
 * The file that this process runs, also when another one has taken its name since: a deploy that swaps the binary must
 * not mix old and new children, and must not leave us without any.
 */
const OWN_BINARY = "/proc/self/exe";
/** Variables by which Bun itself would be steered; a user's app must not inherit them into our binary. */
const SCRUBBED = ["BUN_OPTIONS", "BUN_BE_BUN"];

export type ChildState = "starting" | "ready" | "draining" | "gone";

export interface ChildEvents<Up> {
  ready(): void;
  message(body: Up): void;
  /** It would like to be replaced; `asked` says why. */
  leave(): void;
  /** The process has ended; `sentence` says why. `told`: in the child's own words. */
  gone(sentence: string, told: boolean): void;
}

/** What ps shows of it. */
export interface ChildName {
  kind: ChildKind;
  slot: number;
  /** What it works on, like "app.ts"; "" when its kind says all. */
  title: string;
}

/** What a child inherits as descriptors 3, 4, … */
export interface ChildFds {
  fds: readonly number[];
  /** Behind them one end of a channel for descriptors that come later. */
  channel: boolean;
}

export interface Report {
  samples: Sample[];
  detail: unknown;
}

/** One managed process, as its supervisor sees it. */
export class Child<Boot, Down, Up> {
  readonly kind: ChildKind;
  readonly slot: number;
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
  readonly #channel: FdChannel | undefined;
  readonly #gone = Promise.withResolvers<void>();
  readonly #reports = new Map<number, (report: Report) => void>();
  #asked = 0;
  #failure = "";

  constructor(
    { kind, slot, title }: ChildName,
    boot: Boot,
    { fds, channel }: ChildFds,
    events: ChildEvents<Up>,
  ) {
    this.kind = kind;
    this.slot = slot;
    this.#channel = channel ? openFdChannel() : undefined;
    const inherited = this.#channel ? [...fds, this.#channel.theirs] : fds;
    this.#process = Bun.spawn(ownCommand(), {
      argv0: ["trivet:", kind, slot, title].join(" ").trim(),
      // Extra entries become descriptors 3, 4, … of the child.
      stdio: ["ignore", "inherit", "inherit", ...inherited],
      env: childEnv(kind),
      ...folderForChildren(),
      serialization: "json",
      ipc: (message) => this.#hear(message as Notice<Up>, events),
      onExit: (_process, code, signal) => {
        this.state = "gone";
        if (this.#channel) closeSockets([this.#channel.ours]);
        const end = signal ? `was killed by signal ${signal}` : `ended with code ${code}`;
        events.gone(this.#failure || `the ${kind} process ${this.pid} ${end}`, this.#failure !== "");
        this.#gone.resolve();
      },
    });
    if (this.#channel) closeSockets([this.#channel.theirs]);
    this.#send({ kind: "boot", slot, boot });
  }

  /** Hands over copies of descriptors; the message that says what they are must follow. */
  sendFds(fds: readonly number[]): void {
    if (this.#channel && this.state !== "gone") sendFds(this.#channel.ours, fds);
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
    this.#failure = sentence;
    this.state = "draining";
    this.kill();
  }

  kill(): void {
    this.#process.kill("SIGKILL");
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

  #hear(notice: Notice<Up>, events: ChildEvents<Up>): void {
    this.#heardAtMs = performance.now();
    switch (notice.kind) {
      case "ready":
        if (this.state === "starting") this.state = "ready";
        this.bootMs ??= this.ageMs;
        events.ready();
        return;
      case "failed":
        this.#failure = notice.sentence;
        return;
      case "leave":
        this.asked = notice.reason;
        events.leave();
        return;
      case "beat":
        this.samples = notice.samples;
        return;
      case "report":
        this.samples = notice.samples;
        this.#reports.get(notice.ask)?.({ samples: notice.samples, detail: notice.detail });
        return;
      case "room":
        events.message(notice.body);
        return;
    }
  }

  #send(order: Order<Boot, Down>): void {
    if (this.state === "gone") return;
    try {
      this.#process.send(order);
    } catch (error) {
      // It died between two events; onExit says so next.
      if (!(error instanceof Error)) throw new UserError(String(error));
    }
  }
}

/** How to start this program again: the compiled binary is itself; in development Bun runs trivet.ts. */
function ownCommand(): string[] {
  return Bun.main.startsWith("/$bunfs/") ? [OWN_BINARY] : [process.execPath, Bun.main];
}

function childEnv(kind: ChildKind): Record<string, string | undefined> {
  const env = { ...process.env, ...childVariables(kind) };
  for (const name of SCRUBBED) delete env[name];
  return env;
}
