import type { Sample } from "../metrics.ts";
import { sumSamples } from "../metrics.ts";
import type { ChildStatus } from "./fleet.ts";
import type { Mode } from "./mode.ts";

export interface Status {
  pid: number;
  version: string;
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
  readonly #modes: readonly Mode[];
  readonly #version: string;
  readonly #startedAtMs = Date.now();

  constructor(modes: readonly Mode[], version: string) {
    this.#modes = modes;
    this.#version = version;
  }

  async status(): Promise<Status> {
    const parts = await Promise.all(
      this.#modes.map(async (mode) => [mode.name, await mode.status()] as const),
    );
    return {
      pid: process.pid,
      version: this.#version,
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
