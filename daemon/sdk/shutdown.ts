import { log } from "../../shared/log.ts";
import { stackOf } from "../../shared/thrown_value.ts";

export type ShutdownHook = () => unknown;

/** What user code wants done before its process leaves. */
export class Shutdown {
  readonly #hooks: ShutdownHook[] = [];

  /** onShutdown of "trivet". */
  readonly onShutdown = (hook: ShutdownHook): void => {
    if (typeof hook !== "function") throw new TypeError("onShutdown needs a function");
    this.#hooks.push(hook);
  };

  /** One after the other, the newest first: it may build on those before it. One that fails keeps none from its turn. */
  async run(): Promise<void> {
    for (let hook = this.#hooks.pop(); hook; hook = this.#hooks.pop()) {
      try {
        await hook();
      } catch (error) {
        log.error({ stack: stackOf(error) }, "what onShutdown was given has failed");
      }
    }
  }
}
