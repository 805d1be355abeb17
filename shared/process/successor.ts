import { resolve } from "node:path";
import { isJsonObject } from "../json_object.ts";
import { sentenceOf, UserError } from "../user_error.ts";
import { bequeath, type Testament } from "./legacy.ts";
import type { Mode } from "./mode.ts";
import { folderForChildren, startFolder } from "./start_folder.ts";

const READY_MS = 120_000;
/** How long one that failed may take to end its own children and to remove what it made. */
const LEAVE_MS = 5000;

type SuccessorNotice =
  | { kind: "starting"; mode: string }
  | { kind: "ready" }
  | { kind: "failed"; sentence: string };

type LastNotice = Exclude<SuccessorNotice, { kind: "starting" }>;

export interface Successor {
  pid: number;
  /** Lets it go on: it waits until systemd knows that it is the service now. */
  letGo(): void;
}

/**
 * Starts the binary that now stands where this one was started from, with the same arguments, what we leave, and
 * `environment` besides ours. `waiting` hears what we wait for. Resolves when it does its work. Throws a UserError, with
 * nothing changed here, when it can't, or when `leaving` is aborted before.
 */
export async function startSuccessor(
  testament: Testament,
  environment: Readonly<Record<string, string>>,
  waiting: (what: string) => void,
  leaving: AbortSignal,
): Promise<Successor> {
  const { fds, env } = bequeath(testament);
  const { promise, resolve: settle } = Promise.withResolvers<LastNotice>();
  const waitFor = (doing: string) =>
    waiting(`the new binary, process ${successor.pid}, which ${doing}; it has ${READY_MS / 1000} s`);
  const heard = (said: unknown) => {
    // A newer binary may have more to say.
    const notice = readSuccessorNotice(said);
    if (notice?.kind === "starting") waitFor(`is starting its ${notice.mode}`);
    else if (notice) settle(notice);
  };
  const failed = (sentence: string) => settle({ kind: "failed", sentence });
  const successor = spawn(fds, { ...environment, ...env }, heard, failed);
  waitFor("has said nothing yet");
  const late = setTimeout(() => failed(`it was not ready after ${READY_MS / 1000} s`), READY_MS);
  const onLeaving = () => {
    failed("we were told to end before it was ready");
    // It may be ready by now, and wait for us.
    successor.disconnect();
  };
  leaving.addEventListener("abort", onLeaving);
  const notice = await promise;
  leaving.removeEventListener("abort", onLeaving);
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
  heard: (said: unknown) => void,
  failed: (sentence: string) => void,
): Bun.Subprocess {
  try {
    return Bun.spawn([pathOfSelf(), ...ownArguments()], {
      ...folderForChildren(),
      stdio: ["ignore", "inherit", "inherit", ...fds],
      env: { ...process.env, ...env },
      serialization: "json",
      ipc: heard,
      onExit: (_process, code, signal) =>
        failed(signal ? `it was killed by ${signal}` : `it ended with code ${code}`),
    });
  } catch (error) {
    throw new UserError(`the new binary can't be started: ${sentenceOf(error)}`);
  }
}

/** Undefined when it is none that we know. */
function readSuccessorNotice(said: unknown): SuccessorNotice | undefined {
  if (!isJsonObject(said)) return undefined;
  const { kind, mode, sentence } = said;
  if (kind === "ready") return { kind };
  if (kind === "starting" && typeof mode === "string") return { kind, mode };
  if (kind === "failed" && typeof sentence === "string") return { kind, sentence };
  return undefined;
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

/** Tells the supervisor before us what it waits for; nothing when there was none. */
export function announceStart(mode: Mode["name"]): void {
  if (process.connected) process.send?.({ kind: "starting", mode } satisfies SuccessorNotice);
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
