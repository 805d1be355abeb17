import type { Sample } from "../metrics.ts";
import type { ChildStatus } from "./fleet.ts";

/** What a supervisor runs: the edge, the app server, the worker, or the store they share. */
export interface Mode {
  readonly name: "proxy" | "serve" | "worker" | "store";
  /** Resolves when the mode does its work; throws a UserError when it can't. */
  start(): Promise<void>;
  children(): Promise<ChildStatus[]>;
  /** The mode's own part of `trivet status`. */
  status(): Promise<Record<string, unknown>>;
  samples(): Promise<Sample[]>;
  /** Why it is not well; undefined when it is. */
  complaint(): string | undefined;
  /** Takes nothing new, finishes what runs, ends its children; bounded by the mode's own deadline. */
  drain(): Promise<void>;
  /** Ends all at once. */
  kill(): void;
}
