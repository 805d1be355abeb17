import type { Subprocess } from "bun";
import { sentenceOf, UserError } from "../user_error.ts";
import { childVariables } from "./child_start.ts";
import { openBytePair, openFdChannel, type SocketPair } from "./fd_channel.ts";
import { closeSockets } from "./listen_socket.ts";
import type { ChildKind } from "./message.ts";
import { keepForBun, toldByBun } from "./orphans.ts";
import { folderForChildren } from "./start_folder.ts";

/** Descriptors of a child begin behind stdin, stdout and stderr. */
export const FIRST_FD = 3;
/**
 * The file that this process runs, also when another one has taken its name since: a deploy that swaps the binary must
 * not mix old and new children, and must not leave us without any.
 */
const OWN_BINARY = "/proc/self/exe";
/** Variables by which Bun itself would be steered; a user's app must not inherit them into our binary. */
const STEERING = ["BUN_OPTIONS", "BUN_BE_BUN"];
/** Of the IPC with who started us (PM2 has one): in a child the descriptor of that number is another one. */
const IPC = ["NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE"];

/** What ps shows of it. */
export interface ChildName {
  kind: ChildKind;
  slot: number;
  /** What it works on, like "app.ts"; "" when its kind says all. */
  title: string;
}

/** What a child inherits as descriptors 3, 4, … */
export interface ChildFds {
  /** They stay ours too. */
  fds: readonly number[];
  /** Behind them, the child's alone: they are closed here, also when it can't be started. */
  given: readonly number[];
  /** Behind those one end of a channel for descriptors that come later. */
  channel: boolean;
}

/** Where a child works, and what its environment has beside ours. */
export interface Surroundings {
  /** Absent: where we were started. */
  folder?: string;
  /** What our own environment has wins. */
  variables?: Readonly<Record<string, string>>;
}

export interface StartedChild {
  process: Subprocess;
  /** Our ends. */
  line: number;
  channel: number | undefined;
}

/**
 * Starts this program once more, with a line to us behind its other descriptors. `ended` hears how it has ended. Throws
 * a UserError when the machine has no room for it.
 */
export function startChild(
  { kind, slot, title }: ChildName,
  { fds, given, channel: wanted }: ChildFds,
  { folder, variables }: Surroundings,
  ended: (how: string) => void,
): StartedChild {
  const theirs = [...given];
  const ours: number[] = [];
  const open = ({ ours: here, theirs: there }: SocketPair) => {
    theirs.push(there);
    ours.push(here);
    return here;
  };
  try {
    const channel = wanted ? open(openFdChannel()) : undefined;
    const line = open(openBytePair());
    const process = Bun.spawn(ownCommand(), {
      argv0: ["trivet:", kind, slot, title].join(" ").trim(),
      stdio: ["ignore", "inherit", "inherit", ...fds, ...theirs],
      env: childEnv(kind, FIRST_FD + fds.length + theirs.length - 1, variables),
      ...folderForChildren(folder),
      onExit: ({ pid }, code, signal) => {
        toldByBun(pid);
        ended(signal ? `was killed by signal ${signal}` : `ended with code ${code}`);
      },
    });
    keepForBun(process.pid);
    return { process, line, channel };
  } catch (error) {
    closeSockets(ours);
    if (error instanceof UserError) throw error;
    throw new UserError(`a ${kind} process can't be started: ${sentenceOf(error)}`);
  } finally {
    closeSockets(theirs);
  }
}

/** How to start this program again: the compiled binary is itself; in development Bun runs trivet.ts. */
function ownCommand(): string[] {
  return Bun.main.startsWith("/$bunfs/") ? [OWN_BINARY] : [process.execPath, Bun.main];
}

function childEnv(
  kind: ChildKind,
  linkFd: number,
  variables: Surroundings["variables"],
): Record<string, string | undefined> {
  const env = { ...variables, ...process.env, ...childVariables(kind, linkFd) };
  for (const name of [...STEERING, ...IPC]) delete env[name];
  return env;
}
