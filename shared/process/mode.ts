import type { Config } from "../config/schema.ts";
import type { Sample } from "../metrics.ts";
import type { ChildStatus } from "./fleet.ts";
import type { LegacyListener } from "./legacy.ts";

/** What a supervisor runs: the edge, the app server, the worker, the store they share, or the outbox. */
export interface Mode {
  readonly name: "proxy" | "serve" | "worker" | "store" | "outbox";
  /** Resolves when the mode does its work; throws a UserError when it can't. */
  start(): Promise<void>;
  children(): Promise<ChildStatus[]>;
  /** Where the site is to be seen, once it runs. */
  sites?(): readonly string[];
  /** The mode's own part of `trivet status`. */
  status(): Promise<Record<string, unknown>>;
  samples(): Promise<Sample[]>;
  /** Works by another config from now on. Throws a UserError, with nothing changed, when it can't. */
  reload?(config: Config): Promise<void>;
  /** Does what the admin socket asks; its answer. Throws a UserError when it can't. */
  order?(order: Record<string, unknown>): Promise<unknown>;
  /** Log files were moved away: goes on in new ones. */
  reopenLogs?(): void;
  /** One child more or less; how many there are then. Throws a UserError, with nothing changed, when that can't be. */
  scale?(by: 1 | -1): Promise<number>;
  /** Takes nothing new from now on, and goes on with what it has until it is ended. */
  quiet?(): void;
  /** Why it is not well; undefined when it is. */
  complaint(): string | undefined;
  /** The listening sockets that a successor shall go on with. */
  bequest?(): LegacyListener[];
  /** What a successor shall know of the past, as JSON; Legacy.memoryOf() gives it back there. */
  memory?(): unknown;
  /** The supervisor ends soon: a process that asks to be replaced, or is due, stays until then. */
  settle(): void;
  /**
   * The supervisor has been told to end: who asks how this mode is should hear so from now on. drain() follows; for
   * `kept` see there.
   */
  leaving?(kept: boolean): void;
  /**
   * Takes nothing new, finishes what runs, ends its children; bounded by the mode's own deadline. `succeeded`: another
   * supervisor goes on with our sockets, so that nothing may be done to them but to let go. `kept`: systemd keeps them
   * open until we are started again, and what connects waits there.
   */
  drain(succeeded: boolean, kept: boolean): Promise<void>;
  /**
   * While drain() runs with a successor: that one ends too, so that what may last for hours is not waited for where
   * a drain without a successor would not; for `kept` see drain().
   */
  hurry?(kept: boolean): void;
  /**
   * Ends all at once; what it still has to say it says within a moment. `others`: the ends of the modes that were started
   * after this one, and may need it for that.
   */
  kill(others: Promise<unknown>): void | Promise<void>;
}
