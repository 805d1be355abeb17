import { log } from "../log.ts";
import { isAlive } from "./liveness.ts";
import type { Overview } from "./overview.ts";
import type { ServiceManager } from "./service_manager.ts";

/** Of systemd's patience: two signs of life may be lost. */
const SIGNS = 3;
/** Children may be silent for half of it. */
const SILENCE = 2;
/** How often the status line is looked at when nobody watches. */
const LOOK_MS = 5000;
/** While we drain, systemd's patience is extended by this at each look: the config knows the deadline, the unit does not. */
const EXTEND_MS = 30_000;

/** Tells systemd how we are, and that we are alive as long as our children are. */
export class Watchdog {
  readonly #manager: ServiceManager;
  readonly #overview: Overview;
  #timer: ReturnType<typeof setInterval> | undefined;
  #looking = false;

  constructor(manager: ServiceManager, overview: Overview) {
    this.#manager = manager;
    this.#overview = overview;
  }

  start(): void {
    const { watchdogMs } = this.#manager;
    this.#timer = setInterval(
      () => {
        this.#look().catch((error: unknown) => log.error({ err: error }, "the watchdog could not look"));
      },
      watchdogMs > 0 ? Math.max(1, watchdogMs / SIGNS) : LOOK_MS,
    );
    this.#say();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    this.#say();
    if (this.#overview.phase === "draining") this.#manager.extend(EXTEND_MS);
    if (this.#looking || this.#manager.watchdogMs === 0) return;
    this.#looking = true;
    try {
      const children = await this.#overview.children();
      if (isAlive(children, this.#manager.watchdogMs / SILENCE)) this.#manager.alive();
      else log.error("no child gives a sign of life: systemd will start us again");
    } finally {
      this.#looking = false;
    }
  }

  #say(): void {
    const complaints = this.#overview.complaints();
    this.#manager.status(complaints.length === 0 ? "running, all is well" : complaints.join("; "));
  }
}
