import { log } from "../log.ts";
import type { Metrics, Sample } from "../metrics.ts";
import { sentenceOf } from "../user_error.ts";
import { childStart } from "./child_start.ts";
import { become, type Identity } from "./identity.ts";
import { keepToOurselves, libc } from "./libc.ts";
import { CHILD_LIMITS, noticeBytesMax } from "./link_limits.ts";
import type { ChildKind, Detail, LeaveReason, Notice, Order } from "./message.ts";
import { MessageLink } from "./message_link.ts";
import { nameProcess } from "./process_name.ts";

const PR_SET_PDEATHSIG = 1;
const PR_SET_DUMPABLE = 4;
const SIGKILL = 9;
const BEAT_MS = 1000;
/** What the parent reads of us; its own limit is far above. */
const SENTENCE_CHARS_MAX = 4096;
/** How long our last words may take to leave. */
const LAST_WORDS_MS = 1000;
/** When TERM is for all of us (systemd's KillMode=control-group), the supervisor knows by then that all shall end. */
const WHOLE_GROUP_MS = 100;
/** Only the supervisor's messages move a child; a Ctrl-C reaches the whole terminal group. TERM asks the supervisor. */
const IGNORED_SIGNALS = [
  "SIGINT",
  "SIGQUIT",
  "SIGHUP",
  "SIGUSR1",
  "SIGUSR2",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
] as const;

export interface ChildRoom<Boot, Down> {
  /** Does all that must be done before the child counts as ready. What it throws is told to the parent. */
  boot(boot: Boot, slot: number): Promise<void>;
  /** A message of the room's own. */
  receive?(body: Down): void;
  /** Take nothing new, finish what runs, then return. The child exits afterwards. */
  drain(): Promise<void>;
  /** What `trivet status` shows of this child. */
  detail?(): Detail;
}

/** The child's end of the line to its supervisor. */
export class ParentLink<Boot, Down, Up> {
  readonly #kind: ChildKind;
  readonly #metrics: Metrics;
  #link: MessageLink | undefined;
  /** It was said once that counters are left out. */
  #leftOut = false;

  constructor(kind: ChildKind, metrics: Metrics) {
    this.#kind = kind;
    this.#metrics = metrics;
  }

  tell(body: Up): void {
    this.#send({ kind: "room", body });
  }

  /** Asks to be replaced; the parent says when. */
  leave(reason: LeaveReason): void {
    this.#send({ kind: "leave", reason });
  }

  /** Says why this process is about to end by itself. */
  fail(sentence: string): void {
    this.#send({ kind: "failed", sentence: sentence.slice(0, SENTENCE_CHARS_MAX) });
  }

  /** Gives up being root, for good; nothing when `identity` is undefined. */
  become(identity: Identity | undefined): void {
    if (!identity) return;
    become(identity);
    // Else /proc/self is root's, for user code as for us. The data plane may hold keys of root's: nobody looks into it.
    if (this.#kind !== "proxy") libc().prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    // The kernel forgets it when a process becomes another user (prctl(2), PR_SET_PDEATHSIG).
    dieWithParent();
  }

  /** Runs the room until the parent says drain, or dies. */
  run(room: ChildRoom<Boot, Down>): void {
    dieWithParent();
    nameProcess(`trivet-${this.#kind}`);
    for (const signal of IGNORED_SIGNALS) process.on(signal, () => undefined);
    process.on("SIGTERM", () => setTimeout(() => this.leave("term"), WHOLE_GROUP_MS));
    const fd = childStart()?.linkFd ?? -1;
    keepToOurselves(fd);
    this.#link = new MessageLink(fd, CHILD_LIMITS, {
      // What a room throws is a crash like any other, and none of the line's.
      message: (order) => queueMicrotask(() => this.#obey(room, order as Order<Boot, Down>)),
      broken: (what) => {
        log.error(`this process ends, since its supervisor ${what}`);
        process.exit(1);
      },
      closed: () => process.exit(1),
    });
  }

  #obey(room: ChildRoom<Boot, Down>, order: Order<Boot, Down>): void {
    switch (order.kind) {
      case "boot":
        void this.#boot(room, order.boot, order.slot);
        return;
      case "report":
        this.#sendSamples({
          kind: "report",
          ask: order.ask,
          samples: this.#metrics.samples(),
          ...(room.detail && { detail: room.detail() }),
        });
        return;
      case "drain":
        void this.#drain(room);
        return;
      case "room":
        room.receive?.(order.body);
        return;
    }
  }

  async #boot(room: ChildRoom<Boot, Down>, boot: Boot, slot: number): Promise<void> {
    try {
      await room.boot(boot, slot);
    } catch (error) {
      this.fail(sentenceOf(error));
      process.exit(1);
    }
    this.#send({ kind: "ready" });
    setInterval(() => this.#beat(), BEAT_MS);
  }

  async #drain(room: ChildRoom<Boot, Down>): Promise<void> {
    try {
      await room.drain();
    } finally {
      this.#sendSamples({ kind: "beat", samples: this.#metrics.samples() });
      await Promise.race([this.#link?.sent(), Bun.sleep(LAST_WORDS_MS)]);
      process.exit(0);
    }
  }

  /** Not while an older one waits to be sent: that says as much. */
  #beat(): void {
    if (this.#link?.backlogBytes !== 0) return;
    this.#sendSamples({ kind: "beat", samples: this.#metrics.samples() });
  }

  /** Counters that nobody would take are left out: they are no reason to be ended. */
  #sendSamples(notice: Extract<Notice<Up>, { samples: Sample[] }>): void {
    if (this.#link?.send(notice, noticeBytesMax(this.#kind))) return;
    if (!this.#leftOut)
      log.warn(
        { series: notice.samples.length },
        "too many series: the metrics of this process are left out",
      );
    this.#leftOut = true;
    this.#send({ ...notice, samples: [] });
  }

  #send(notice: Notice<Up>): void {
    this.#link?.send(notice);
  }
}

/** The kernel kills this process when its parent dies, even while user code blocks the event loop (prctl(2)). */
function dieWithParent(): void {
  libc().prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // It may have died before that. Process 1 can be a parent like any other.
  if (process.ppid !== childStart()?.parentPid) process.exit(1);
}
