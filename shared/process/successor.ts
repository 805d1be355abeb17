import { resolve } from "node:path";
import { sentenceOf, UserError } from "../user_error.ts";
import { bequeath, type LegacyListener } from "./legacy.ts";

const READY_MS = 120_000;
const startFolder = process.cwd();

type SuccessorNotice = { kind: "ready" } | { kind: "failed"; sentence: string };

/**
 * Starts the binary that now stands where this one was started from, with the same arguments and our listening sockets.
 * Resolves when it does its work. Throws a UserError, with nothing changed here, when it can't.
 */
export async function startSuccessor(listeners: readonly LegacyListener[]): Promise<{ pid: number }> {
  const { fds, env } = bequeath(listeners);
  const { promise, resolve: heard } = Promise.withResolvers<SuccessorNotice>();
  const failed = (sentence: string) => heard({ kind: "failed", sentence });
  const successor = spawn(fds, env, heard, failed);
  const late = setTimeout(() => failed(`it was not ready after ${READY_MS / 1000} s`), READY_MS);
  const notice = await promise;
  clearTimeout(late);
  if (notice.kind === "ready") return { pid: successor.pid };
  successor.kill("SIGKILL");
  throw new UserError(`the new binary did not take over: ${notice.sentence}`);
}

function spawn(
  fds: readonly number[],
  env: Record<string, string>,
  heard: (notice: SuccessorNotice) => void,
  failed: (sentence: string) => void,
): Bun.Subprocess {
  try {
    return Bun.spawn([pathOfSelf(), ...ownArguments()], {
      cwd: startFolder,
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

/** Tells the supervisor before us that we have taken over; nothing when there was none. */
export function announceSuccession(): void {
  tellPredecessor({ kind: "ready" });
}

/** Tells the supervisor before us why it must go on. */
export function announceFailure(error: unknown): void {
  tellPredecessor({ kind: "failed", sentence: sentenceOf(error) });
}

function tellPredecessor(notice: SuccessorNotice): void {
  if (!process.connected) return;
  process.send?.(notice);
  process.disconnect?.();
}
