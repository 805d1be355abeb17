import { log } from "../log.ts";
import { keepToOurselves } from "./libc.ts";
import { closeSockets } from "./listen_socket.ts";

/** Names the descriptors that a supervisor leaves to the binary that takes its place. */
const VARIABLE = "TRIVET_LEGACY";
/** The kernel takes 128 KiB for one variable (execve(2), MAX_ARG_STRLEN). */
const MEMORIES_CHARS_MAX = 65_536;
const FIRST_FD = 3;

/** How systemd hands over what it kept (sd_listen_fds(3)). */
const LISTEN_VARIABLES = ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID"];

/** A listening address and its sockets, open and shared with the supervisor before us. */
export interface LegacyListener {
  /** Also says whose it is: see ListenerSet. */
  address: string;
  fds: number[];
}

/** What each mode tells its successor, by the mode's name. */
export type Memories = Readonly<Record<string, unknown>>;

/** What a supervisor leaves. */
export interface Testament {
  listeners: readonly LegacyListener[];
  memories: Memories;
  /** The config file, absolute; undefined when there was none, or an older binary did not say. */
  configFile?: string | undefined;
  /** It hears what its successor waits for; an older binary would take every notice but "ready" for a failure. */
  hearsStarts?: boolean;
}

/** What a supervisor got from the one it replaces. */
export class Legacy {
  /** Somebody waits to hear whether we can take its place. */
  static predecessorWaits = false;
  /** The one before us still runs, and waits until we do. Otherwise systemd kept its sockets. */
  readonly predecessor: boolean;
  readonly addresses: readonly string[];
  readonly configFile: string | undefined;
  readonly hearsStarts: boolean;
  #listeners: readonly LegacyListener[];
  readonly #memories: Memories;

  constructor({ listeners, memories, configFile, hearsStarts }: Testament, predecessor: boolean) {
    this.hearsStarts = hearsStarts === true;
    this.configFile = configFile;
    this.#listeners = listeners;
    this.#memories = memories;
    this.predecessor = predecessor;
    this.addresses = listeners.map(({ address }) => address);
  }

  /** Reads it from the environment, and takes it out of there; undefined for a start of the ordinary kind. */
  static take(): Legacy | undefined {
    const text = process.env[VARIABLE];
    delete process.env[VARIABLE];
    Legacy.predecessorWaits = text !== undefined;
    const kept = keptListeners(process.env, process.pid);
    for (const name of LISTEN_VARIABLES) delete process.env[name];
    if (text === undefined && kept.length === 0) return undefined;
    const testament =
      text === undefined ? { listeners: kept, memories: {} } : (JSON.parse(text) as Testament);
    // Our children get the sockets of their slot, and no other that would hold a port open.
    for (const fd of testament.listeners.flatMap(({ fds }) => fds)) keepToOurselves(fd);
    return new Legacy(testament, text !== undefined);
  }

  /** The sockets of an address; they are the caller's from now on. */
  claim(address: string): number[] {
    const found = this.#listeners.find((listener) => listener.address === address);
    this.#listeners = this.#listeners.filter((listener) => listener !== found);
    return found?.fds ?? [];
  }

  /** What the mode of this name said before us, perhaps another version of it; undefined when nothing. */
  memoryOf(mode: string): unknown {
    return this.#memories[mode];
  }

  /** Closes what nobody claimed: addresses that the config names no more. */
  closeRest(): void {
    for (const { fds } of this.#listeners) closeSockets(fds);
    this.#listeners = [];
  }
}

/** The sockets that systemd kept for process `pid`, by the names that ServiceManager.hold() gave them. */
export function keptListeners(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): LegacyListener[] {
  if (Number(env["LISTEN_PID"]) !== pid) return [];
  const names = (env["LISTEN_FDNAMES"] ?? "").split(":");
  const listeners = new Map<string, number[]>();
  for (let i = 0; i < Number(env["LISTEN_FDS"]); i++) {
    const address = decodeURIComponent(names[i] ?? "");
    listeners.set(address, [...(listeners.get(address) ?? []), FIRST_FD + i]);
  }
  return [...listeners].map(([address, fds]) => ({ address, fds }));
}

/** How the successor inherits: descriptors in the order of its stdio, and the variable that says what they are. */
export function bequeath({ listeners, memories, configFile }: Testament): {
  fds: number[];
  env: Record<string, string>;
} {
  let next = FIRST_FD;
  const renumbered = listeners.map(({ address, fds }) => ({ address, fds: fds.map(() => next++) }));
  const fits = JSON.stringify(memories).length <= MEMORIES_CHARS_MAX;
  if (!fits)
    log.warn("too much is known of the servers to be handed over: their states and orders start anew");
  const testament: Testament = {
    listeners: renumbered,
    memories: fits ? memories : {},
    configFile,
    hearsStarts: true,
  };
  return { fds: listeners.flatMap(({ fds }) => fds), env: { [VARIABLE]: JSON.stringify(testament) } };
}
