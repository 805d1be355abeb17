import { log } from "../log.ts";
import { Admin, type AdminPlaces } from "./admin.ts";
import { Control } from "./control.ts";
import type { Legacy } from "./legacy.ts";
import type { Mode } from "./mode.ts";
import { reapOrphans } from "./orphans.ts";
import { Overview } from "./overview.ts";
import type { PidFile } from "./pid_file.ts";
import { Predecessor, successorAsked } from "./predecessor.ts";
import { nameProcess, SUPERVISOR_NAME } from "./process_name.ts";
import { ServiceManager } from "./service_manager.ts";
import { announceStart, announceSuccession } from "./successor.ts";
import { Watchdog } from "./watchdog.ts";

const DRAIN_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

export interface Supervision {
  modes: readonly Mode[];
  places: AdminPlaces;
  version: string;
  /** Absolute; undefined when there is none. */
  configFile: string | undefined;
  legacy: Legacy | undefined;
  pidFile: PidFile;
  /** Reads the config again and brings it to the modes; throws a UserError when nothing was changed. */
  reload: () => Promise<void>;
  /** Calls back for a reload when it sees a reason; returns how to end that. */
  watch?: (reload: () => Promise<void>) => () => void;
}

/**
 * Runs modes under one parent until a signal or a successor ends them: starts them in order, drains them in reverse
 * order, so that the edge finishes before the app behind it leaves. The exit code.
 */
export async function supervise(supervision: Supervision): Promise<number> {
  const { modes, places, version, legacy, pidFile } = supervision;
  const succeeding = legacy?.predecessor === true;
  nameProcess(SUPERVISOR_NAME);
  reapOrphans();
  const overview = new Overview(modes, version, places.config);
  const manager = ServiceManager.take();
  manager.holds(legacy?.addresses ?? []);
  const control = new Control({ ...supervision, manager, overview });
  const admin = new Admin(places, overview, control);
  // One that has died by now left another parent in its place.
  const predecessor = new Predecessor(succeeding && process.connected);
  const { asked, insisted } = drainAsked();
  // From now on: a successor may be told to end before we know that it has succeeded us.
  const successor = successorAsked();
  const watchdog = new Watchdog(manager, overview);
  let succeeded = false;
  try {
    pidFile.check(succeeding);
    await admin.check(succeeding);
    // The one before us is asked, and answers, until we can take its place.
    if (!succeeding) admin.open(false);
    if (!(await startAll(modes, asked, legacy?.hearsStarts === true))) return 0;
    legacy?.closeRest();
    overview.phase = "running";
    if (succeeding) admin.open(true);
    control.listen();
    pidFile.write();
    admin.takePlace();
    const sites = modes.flatMap((mode) => mode.sites?.() ?? []);
    log.info({ ...(sites.length > 0 && { site: sites.join(" ") }), admin: admin.address }, "ready");
    if (succeeding) await announceSuccession();
    manager.hold(control.bequest());
    manager.ready();
    watchdog.start();
    const unwatch = supervision.watch?.(() => control.reload());
    const reason = await Promise.race([asked, control.succeeded]);
    unwatch?.();
    control.leave();
    succeeded = control.handedOver;
    overview.phase = "draining";
    log.info(`${reason}: finishing what runs`);
    for (const mode of modes) mode.settle();
    if (succeeded) {
      watchdog.stop();
      admin.letGo();
    } else {
      manager.stopping();
      for (const mode of modes) mode.leaving?.(manager.keepsSockets);
    }
    await Promise.race([
      Promise.all([drainAll(modes, succeeded, manager.keepsSockets), predecessor.gone()]),
      together({ asked, insisted }, successor, () => {
        predecessor.tell();
        if (succeeded) for (const mode of modes) mode.hurry?.(manager.keepsSockets);
      }),
    ]);
    return 0;
  } finally {
    watchdog.stop();
    await killAll(modes);
    if (!succeeded) await admin.close();
    pidFile.remove();
  }
}

/** False when a signal came first. What already runs is ended when a later mode can't start. */
async function startAll(
  modes: readonly Mode[],
  asked: Promise<string>,
  announced: boolean,
): Promise<boolean> {
  const interrupted = asked.then(() => true);
  for (const mode of modes) {
    if (announced) announceStart(mode.name);
    if ((await Promise.race([mode.start().then(() => false), interrupted])) === true) return false;
  }
  return true;
}

async function drainAll(modes: readonly Mode[], succeeded: boolean, kept: boolean): Promise<void> {
  for (const mode of modes.toReversed()) await mode.drain(succeeded, kept);
}

async function killAll(modes: readonly Mode[]): Promise<void> {
  let ended: Promise<unknown> = Promise.resolve();
  for (const mode of modes.toReversed()) ended = Promise.all([ended, mode.kill(ended)]);
  await ended;
}

interface Asked {
  asked: Promise<unknown>;
  insisted: Promise<void>;
}

/**
 * A service ends as a whole, with those before us that still finish what they have: systemd kills what is left of it once
 * its main process is gone. Resolves when everything is to end at once.
 */
async function together(own: Asked, successor: Asked, passOn: () => void): Promise<void> {
  await Promise.race([own.asked, successor.asked]);
  passOn();
  await Promise.race([own.insisted, successor.insisted]);
  passOn();
}

/** The first signal asks us to leave; the second one, `insisted`, ends everything at once. */
function drainAsked(): { asked: Promise<string>; insisted: Promise<void> } {
  const first = Promise.withResolvers<string>();
  const second = Promise.withResolvers<void>();
  let signals = 0;
  for (const signal of DRAIN_SIGNALS) {
    process.on(signal, () => {
      first.resolve(signal);
      if (++signals > 1) second.resolve();
    });
  }
  return { asked: first.promise, insisted: second.promise };
}
