import { log } from "../log.ts";
import { sentenceOf, UserError } from "../user_error.ts";
import type { LegacyListener, Memories } from "./legacy.ts";
import type { Mode } from "./mode.ts";
import type { Overview } from "./overview.ts";
import type { ServiceManager } from "./service_manager.ts";
import { startSuccessor } from "./successor.ts";

/** How long an answer on the admin socket may take to leave. */
const ANSWER_MS = 50;

export interface Controlled {
  modes: readonly Mode[];
  manager: ServiceManager;
  overview: Overview;
  /** Absolute: for a successor, when the folder in which we were started is gone. */
  configFile: string | undefined;
  /** Reads the config again and brings it to the modes; throws a UserError when nothing was changed. */
  reload(): Promise<void>;
}

/** What a supervisor can be told to do while it runs, by signal or over its admin socket. One thing at a time. */
export class Control {
  readonly #modes: readonly Mode[];
  readonly #reload: () => Promise<void>;
  readonly #manager: ServiceManager;
  readonly #overview: Overview;
  readonly #configFile: string | undefined;
  readonly #succession = Promise.withResolvers<"succeeded">();
  readonly #leaving = new AbortController();
  #handedOver = false;
  #busy: string | undefined;

  constructor({ modes, manager, overview, configFile, reload }: Controlled) {
    this.#modes = modes;
    this.#manager = manager;
    this.#overview = overview;
    this.#configFile = configFile;
    this.#reload = reload;
  }

  /** Resolves when every child works by the new config. Throws a UserError that says why nothing was changed. */
  async reload(): Promise<void> {
    await this.#alone("a reload", async () => {
      this.#manager.reloading();
      try {
        await this.#reload();
      } finally {
        this.#manager.hold(this.bequest());
        this.#manager.ready();
      }
    });
    log.info("reloaded");
  }

  /**
   * The binary now at our path takes over our sockets and goes on; resolves when it does, and we leave. Throws a
   * UserError that says why we go on instead.
   */
  async upgrade(): Promise<void> {
    if (process.pid === 1) {
      throw new UserError(
        "this is process 1 of its container, which ends with it and can't be taken over: start a container of the new version, then stop this one",
      );
    }
    await this.#alone("an upgrade", async () => {
      const { pid, letGo } = await startSuccessor(
        { listeners: this.bequest(), memories: this.#memories(), configFile: this.#configFile },
        this.#manager.environment,
        (progress) => {
          this.#overview.underway = progress;
        },
        this.#leaving.signal,
      );
      this.#handedOver = true;
      this.#manager.mainPid(pid);
      letGo();
      log.info({ successor: pid }, "another process has taken over");
    });
    // After the answer to who asked has had its turn.
    setTimeout(() => this.#succession.resolve("succeeded"), ANSWER_MS);
  }

  /** A successor goes on with our sockets: also in the moment before `succeeded` resolves. */
  get handedOver(): boolean {
    return this.#handedOver;
  }

  /** We leave: nothing more is begun, and a successor that is not ready yet is ended, for it would go on without us. */
  leave(): void {
    this.#leaving.abort();
  }

  /** Resolves when a successor has taken over. */
  get succeeded(): Promise<"succeeded"> {
    return this.#succession.promise;
  }

  /** The listening sockets of all modes. */
  bequest(): LegacyListener[] {
    return this.#modes.flatMap((mode) => mode.bequest?.() ?? []);
  }

  #memories(): Memories {
    return Object.fromEntries(
      this.#modes.flatMap((mode) => (mode.memory ? [[mode.name, mode.memory()]] : [])),
    );
  }

  /** Hands an order to the mode it names; what the mode answers. Throws a UserError when there is no such mode or order. */
  async order({ mode, ...order }: { mode: string }): Promise<unknown> {
    const target = this.#modes.find(({ name }) => name === mode);
    if (!target?.order) throw new UserError(`no ${mode} takes orders here`);
    return target.order(order);
  }

  /** On a signal nobody waits for an answer: the log has it. */
  listen(): void {
    process.on("SIGHUP", () => {
      this.reload().catch((error: unknown) => log.error(`not reloaded: ${sentenceOf(error)}`));
    });
    process.on("SIGUSR1", () => {
      for (const mode of this.#modes) mode.reopenLogs?.();
    });
    process.on("SIGTTIN", () => this.#scale(1));
    process.on("SIGTTOU", () => this.#scale(-1));
    if (this.#modes.some((mode) => mode.quiet)) {
      process.on("SIGTSTP", () => {
        for (const mode of this.#modes) mode.quiet?.();
      });
    }
    process.on("SIGUSR2", () => {
      this.upgrade().catch((error: unknown) => log.error(`not upgraded: ${sentenceOf(error)}`));
    });
  }

  /** The app's processes, or the worker's where no app runs here. */
  #scale(by: 1 | -1): void {
    const mode = ["serve", "worker"].flatMap((name) => this.#modes.find((one) => one.name === name) ?? [])[0];
    const change = this.#alone("a change of processes", async () => {
      if (!mode?.scale)
        throw new UserError("the data plane keeps its processes: set proxy.workers and restart");
      const processes = await mode.scale(by);
      this.#manager.hold(this.bequest());
      log.info({ mode: mode.name, processes }, by > 0 ? "one process more" : "one process less");
    });
    change.catch((error: unknown) => log.error(sentenceOf(error)));
  }

  async #alone(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#leaving.signal.aborted)
      throw new UserError("this process finishes what it has, and begins nothing more");
    if (this.#busy) throw new UserError(`${this.#busy} is under way: wait until it has ended`);
    this.#busy = this.#overview.underway = what;
    try {
      await work();
    } finally {
      this.#busy = this.#overview.underway = undefined;
    }
  }
}
