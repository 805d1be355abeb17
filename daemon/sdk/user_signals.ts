import { EventEmitter } from "node:events";

/** What ends a process in the usual case. */
const KEPT = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"] as const;
/** Managers of processes ask with one of these; who listens for several has the same done at each. */
const ASKED_BY = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;
const ADDING = ["on", "addListener", "once", "prependListener", "prependOnceListener"] as const;
const OTHERS = ["off", "removeListener", "listenerCount", "listeners", "rawListeners"] as const;

type Method = (event: string | symbol, ...rest: unknown[]) => unknown;
type Emitter = Record<(typeof ADDING)[number] | (typeof OTHERS)[number] | "removeAllListeners", Method> & {
  eventNames(): (string | symbol)[];
};
type SignalListener = (signal: string, code: number) => unknown;

/**
 * What user code listens for these signals with. A signal reaches the whole group at once (Ctrl-C, systemd's
 * KillMode=control-group), and a listener that exits would cut requests; the listeners are called when those are done.
 */
export class UserSignals {
  readonly #own = new EventEmitter().setMaxListeners(0);

  /** Listeners that are added from now on are kept here; those that are there already stay, and user code sees none. */
  keepFrom(target: NodeJS.Process): void {
    const process = target as unknown as Emitter;
    const own = this.#own as unknown as Emitter;
    for (const name of [...ADDING, ...OTHERS]) {
      const inherited = process[name].bind(target);
      process[name] = (event, ...rest) => {
        if (!isKept(event)) return inherited(event, ...rest);
        const given = own[name](event, ...rest);
        return given === own ? target : given;
      };
    }
    const names = process.eventNames.bind(target);
    const removeAll = process.removeAllListeners.bind(target);
    process.removeAllListeners = (...events: unknown[]) => {
      const [event] = events as [string | symbol | undefined];
      for (const one of event === undefined ? names() : [event]) if (!isKept(one)) removeAll(one);
      for (const one of event === undefined ? KEPT : [event]) this.#own.removeAllListeners(one);
      return target;
    };
    process.eventNames = () => [...names().filter((one) => !isKept(one)), ...this.#own.eventNames()];
  }

  /** Calls those of the first signal that has any, and waits for what they return. What one throws is told to `failed`. */
  async tell(failed: (error: unknown) => void): Promise<void> {
    const signal = ASKED_BY.find((name) => this.#own.listenerCount(name) > 0);
    if (!signal) return;
    const code = SIGNAL_NUMBERS[signal];
    const calls = this.#own.rawListeners(signal).map(async (listener) => {
      try {
        await Reflect.apply(listener as SignalListener, process, [signal, code]);
      } catch (error) {
        failed(error);
      }
    });
    await Promise.all(calls);
  }
}

const SIGNAL_NUMBERS = { SIGTERM: 15, SIGINT: 2, SIGQUIT: 3 };

function isKept(event: string | symbol): boolean {
  return (KEPT as readonly (string | symbol)[]).includes(event);
}
