import type { BackendConfig } from "../shared/config/schema.ts";
import { log } from "../shared/log.ts";
import { type CheckResult, checkServer } from "./health_check.ts";
import type { BackendPlan, MemberState } from "./plan.ts";
import type { ServerSettings } from "./plan_of.ts";
import { ServerHealth } from "./server_health.ts";
import { StatusSet } from "./status_set.ts";

/** Checks of one backend are spread over the interval by this much, so that many edges do not check in step. */
const JITTER = 0.1;

export interface MemberView extends MemberState {
  last: CheckResult | undefined;
  sinceMs: number;
}

interface WatchedServer {
  settings: ServerSettings;
  health: ServerHealth;
}

/** The supervisor's view of one backend's servers: checks them all and tells of every change. */
export class HealthWatch {
  readonly name: string;
  readonly #config: BackendConfig;
  readonly #servers: Map<string, WatchedServer>;
  readonly #changed: () => void;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #stopped = false;

  constructor(
    name: string,
    config: BackendConfig,
    servers: readonly ServerSettings[],
    changed: () => void,
    before?: HealthWatch,
  ) {
    this.name = name;
    this.#config = config;
    this.#changed = changed;
    this.#servers = new Map(
      servers.map((settings) => {
        const health = before?.health(settings.address) ?? new ServerHealth();
        return [settings.address, { settings, health }];
      }),
    );
  }

  health(address: string): ServerHealth | undefined {
    return this.#servers.get(address)?.health;
  }

  start(): void {
    const { health } = this.#config;
    if (!health) return;
    for (const address of this.#servers.keys())
      this.#after(Math.random() * health.interval * JITTER, address);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  plan(): BackendPlan {
    const { retries, balance } = this.#config;
    return { name: this.name, retries, balance, members: this.members() };
  }

  members(): MemberState[] {
    return [...this.#servers.values()].map(({ settings, health }) => ({ ...settings, state: health.state }));
  }

  view(): MemberView[] {
    return [...this.#servers.values()].map(({ settings, health: { state, last, sinceMs } }) => ({
      ...settings,
      state,
      last,
      sinceMs,
    }));
  }

  #after(delayMs: number, address: string): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#check(address);
    }, delayMs);
    this.#timers.add(timer);
  }

  async #check(address: string): Promise<void> {
    const { health } = this.#config;
    const server = this.health(address);
    if (!health || !server) return;
    const result = await checkServer(address, health, new StatusSet(health.expect));
    if (this.#stopped) return;
    if (server.judge(result, health)) {
      const how = { backend: this.name, server: address, check: result.said };
      if (server.state === "up") log.info(how, "server is up");
      else log.warn(how, "server is down");
      this.#changed();
    }
    this.#after(health.interval * (1 + (Math.random() - 0.5) * JITTER), address);
  }
}
