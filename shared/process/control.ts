import { log } from "../log.ts";
import { sentenceOf, UserError } from "../user_error.ts";
import type { Mode } from "./mode.ts";

/** What a supervisor can be told to do while it runs, by signal or over its admin socket. One thing at a time. */
export class Control {
  readonly #modes: readonly Mode[];
  readonly #reload: () => Promise<void>;
  #busy: string | undefined;

  /** `reload` reads the config again and brings it to the modes; it throws a UserError when nothing was changed. */
  constructor(modes: readonly Mode[], reload: () => Promise<void>) {
    this.#modes = modes;
    this.#reload = reload;
  }

  /** Resolves when every child works by the new config. Throws a UserError that says why nothing was changed. */
  async reload(): Promise<void> {
    await this.#alone("a reload", this.#reload);
    log.info("reloaded");
  }

  /** Hands an order to the mode it names; what the mode answers. Throws a UserError when there is no such mode or order. */
  async order({ mode, ...order }: { mode: string }): Promise<unknown> {
    const target = this.#modes.find(({ name }) => name === mode);
    if (!target?.order) throw new UserError(`no ${mode} takes orders here`);
    return target.order(order);
  }

  /** On HUP nobody waits for an answer: the log has it. */
  listen(): void {
    process.on("SIGHUP", () => {
      this.reload().catch((error: unknown) => log.error(`not reloaded: ${sentenceOf(error)}`));
    });
  }

  async #alone(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#busy) throw new UserError(`${this.#busy} is under way: wait until it has ended`);
    this.#busy = what;
    try {
      await work();
    } finally {
      this.#busy = undefined;
    }
  }
}
