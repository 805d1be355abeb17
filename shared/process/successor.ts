import { resolve } from "node:path";
import { sentenceOf, UserError } from "../user_error.ts";
import { bequeath, type LegacyListener, type Memories } from "./legacy.ts";
import { folderForChildren, startFolder } from "./start_folder.ts";

const READY_MS = 120_000;
/** How long one that failed may take to end its own children and to remove what it made. */
const LEAVE_MS = 5000;

type SuccessorNotice = { kind: "ready" } | { kind: "failed"; sentence: string };

export interface Successor {
  pid: number;
  /** Lets it go on: it waits until systemd knows that it is the service now. */
  letGo(): void;
}

/**
 * Starts the binary that now stands where this one was started from, with the same arguments, our listening sockets, what
 * our modes know, and `environment` besides ours. Resolves when it does its work. Throws a UserError, with nothing changed here, when it can't.
 */
export async function startSuccessor(
  listeners: readonly LegacyListener[],
  memories: Memories,
  environment: Readonly<Record<string, string>>,
): Promise<Successor> {
  const { fds, env } = bequeath(listeners, memories);
  const { promise, resolve: heard } = Promise.withResolvers<SuccessorNotice>();
  const failed = (sentence: string) => heard({ kind: "failed", sentence });
  const successor = spawn(fds, { ...environment, ...env }, heard, failed);
  const late = setTimeout(() => failed(`it was not ready after ${READY_MS / 1000} s`), READY_MS);
  const notice = await promise;
  clearTimeout(late);
  if (notice.kind === "ready") return { pid: successor.pid, letGo: () => successor.disconnect() };
  await endOf(successor);
  throw new UserError(`the new binary did not take over: ${notice.sentence}`);
}

async function endOf(failed: Bun.Subprocess): Promise<void> {
  failed.kill("SIGTERM");
  const late = setTimeout(() => failed.kill("SIGKILL"), LEAVE_MS);
  await failed.exited;
  clearTimeout(late);
}

function spawn(
  fds: readonly number[],
  env: Record<string, string>,
  heard: (notice: SuccessorNotice) => void,
  failed: (sentence: string) => void,
): Bun.Subprocess {
  try {
    return Bun.spawn([pathOfSelf(), ...ownArguments()], {
      ...folderForChildren(),
      stdio: ["ignore", "inherit", "inherit", ...fds],
      env: { ...process.env, ...env },
      serialization: "json",
      ipc: (message) => heard(message as SuccessorNotice),
      onExit: (_process, code, signal) =>
        failed(signal ? `it was killed by ${signal}` : `it ended with code ${code}`),
    });
  } catch (error) {
    throw new UserError(`the new binary can't be started: ${sentenceOf(error)}`);
  }
}

/** As it was called, links unresolved: a `current` link that was moved leads to the new release. */
function pathOfSelf(): string {
  const called = process.argv0;
  if (called.includes("/")) return resolve(startFolder, called);
  return Bun.which(called) ?? process.execPath;
}

/** The words of the command line; a run from source has its script in front of them. */
function ownArguments(): string[] {
  return Bun.main.startsWith("/$bunfs/") ? process.argv.slice(2) : process.argv.slice(1);
}

/** Tells the supervisor before us that we have taken over, and waits until it lets go; nothing when there was none. */
export async function announceSuccession(): Promise<void> {
  if (!process.connected) return;
  const released = new Promise((resolve) => process.once("disconnect", resolve));
  process.send?.({ kind: "ready" } satisfies SuccessorNotice);
  await released;
}

/** Tells the supervisor before us why it must go on. */
export function announceFailure(error: unknown): void {
  if (!process.connected) return;
  process.send?.({ kind: "failed", sentence: sentenceOf(error) } satisfies SuccessorNotice);
  process.disconnect?.();
}
