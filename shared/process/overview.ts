import type { Sample } from "../metrics.ts";
import { sumSamples } from "../metrics.ts";
import type { ChildStatus } from "./fleet.ts";
import type { Mode } from "./mode.ts";

export interface Status {
  pid: number;
  version: string;
  /** The config file; where it would be when there is none. Absent in binaries before 0.2. */
  config?: string;
  /** What it was told to do and has not done yet, like "a reload". */
  underway?: string;
  /** "starting", "running" or "draining". */
  phase: Phase;
  startedAtMs: number;
  children: ChildStatus[];
  /** Each mode's own part, by its name. */
  modes: Record<string, Record<string, unknown>>;
  complaints: string[];
}

export type Phase = "starting" | "running" | "draining";

/** What a supervisor knows of itself, over all its modes. */
export class Overview {
  phase: Phase = "starting";
  underway: string | undefined;
  readonly #modes: readonly Mode[];
  readonly #version: string;
  readonly #config: string;
  readonly #startedAtMs = Date.now();

  constructor(modes: readonly Mode[], version: string, config: string) {
    this.#modes = modes;
    this.#version = version;
    this.#config = config;
  }

  async status(): Promise<Status> {
    const parts = await Promise.all(
      this.#modes.map(async (mode) => [mode.name, await mode.status()] as const),
    );
    return {
      pid: process.pid,
      version: this.#version,
      config: this.#config,
      ...(this.underway && { underway: this.underway }),
      phase: this.phase,
      startedAtMs: this.#startedAtMs,
      children: await this.children(),
      modes: Object.fromEntries(parts),
      complaints: this.complaints(),
    };
  }

  async children(): Promise<ChildStatus[]> {
    return (await Promise.all(this.#modes.map((mode) => mode.children()))).flat();
  }

  async samples(): Promise<Sample[]> {
    return sumSamples((await Promise.all(this.#modes.map((mode) => mode.samples()))).flat());
  }

  /** Why this node should get no traffic; empty when all is well. */
  complaints(): string[] {
    if (this.phase !== "running") return [this.phase];
    return this.#modes.flatMap((mode) => mode.complaint() ?? []);
  }
}
