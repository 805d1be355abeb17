import { log } from "../log.ts";
import { Admin, type AdminPlaces } from "./admin.ts";
import { Control } from "./control.ts";
import type { Mode } from "./mode.ts";
import { Overview } from "./overview.ts";

const DRAIN_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/**
 * Runs modes under one parent until a signal ends them: starts them in order, drains them in reverse order, so that
 * the edge finishes before the app behind it leaves. The exit code.
 */
export async function supervise(
  modes: readonly Mode[],
  places: AdminPlaces,
  version: string,
  reload: () => Promise<void>,
): Promise<number> {
  const overview = new Overview(modes, version);
  const control = new Control(modes, reload);
  const admin = await Admin.open(places, overview, control);
  const asked = drainAsked(modes);
  try {
    if (!(await startAll(modes, asked))) return 0;
    overview.phase = "running";
    control.listen();
    log.info({ admin: places.http || places.socket }, "ready");
    const signal = await asked;
    overview.phase = "draining";
    log.info(`${signal}: finishing what runs`);
    for (const mode of modes.toReversed()) await mode.drain();
    return 0;
  } finally {
    for (const mode of modes) mode.kill();
    await admin.close();
  }
}

/** False when a signal came first. What already runs is ended when a later mode can't start. */
async function startAll(modes: readonly Mode[], asked: Promise<string>): Promise<boolean> {
  const interrupted = asked.then(() => true);
  for (const mode of modes) {
    if ((await Promise.race([mode.start().then(() => false), interrupted])) === true) return false;
  }
  return true;
}

/** Resolves with the first signal that asks us to leave; the second one ends everything at once. */
function drainAsked(modes: readonly Mode[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let signals = 0;
  for (const signal of DRAIN_SIGNALS) {
    process.on(signal, () => {
      resolve(signal);
      if (++signals > 1) for (const mode of modes) mode.kill();
    });
  }
  return promise;
}
