import { log } from "../../shared/log.ts";
import { stackOf } from "../../shared/thrown_value.ts";
import { UserSignals } from "./user_signals.ts";

export type ShutdownHook = () => unknown;

/** What user code wants done before its process leaves. */
export class Shutdown {
  readonly #hooks: ShutdownHook[] = [];
  readonly #signals = new UserSignals();

  /** onShutdown of "trivet". */
  readonly onShutdown = (hook: ShutdownHook): void => {
    if (typeof hook !== "function") throw new TypeError("onShutdown needs a function");
    this.#hooks.push(hook);
  };

  /** Has user code's own listeners for signals that end a process wait for run(). Call it before the code is loaded. */
  keepSignals(): void {
    this.#signals.keepFrom(process);
  }

  /**
   * One after the other, the newest first: it may build on those before it. One that fails keeps none from its turn. Then
   * the listeners for signals, which may exit.
   */
  async run(): Promise<void> {
    for (let hook = this.#hooks.pop(); hook; hook = this.#hooks.pop()) {
      try {
        await hook();
      } catch (error) {
        log.error({ stack: stackOf(error) }, "what onShutdown was given has failed");
      }
    }
    await this.#signals.tell((error) =>
      log.error({ stack: stackOf(error) }, "a listener for signals has failed"),
    );
  }
}
