import { libc } from "./libc.ts";
import { closeSockets } from "./listen_socket.ts";

/** Names the descriptors that a supervisor leaves to the binary that takes its place. */
const VARIABLE = "TRIVET_LEGACY";
const FIRST_FD = 3;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** A listening address and its sockets, open and shared with the supervisor before us. */
export interface LegacyListener {
  address: string;
  fds: number[];
}

/** What a supervisor got from the one it replaces. */
export class Legacy {
  #listeners: LegacyListener[];

  constructor(listeners: LegacyListener[]) {
    this.#listeners = listeners;
  }

  /** Reads it from the environment, and takes it out of there; undefined for a start of the ordinary kind. */
  static take(): Legacy | undefined {
    const text = process.env[VARIABLE];
    delete process.env[VARIABLE];
    if (text === undefined) return undefined;
    const listeners = JSON.parse(text) as LegacyListener[];
    // Our children get the sockets of their slot, and no other that would hold a port open.
    for (const fd of listeners.flatMap(({ fds }) => fds)) libc().fcntl(fd, F_SETFD, FD_CLOEXEC);
    return new Legacy(listeners);
  }

  /** The sockets of an address; they are the caller's from now on. */
  claim(address: string): number[] {
    const found = this.#listeners.find((listener) => listener.address === address);
    this.#listeners = this.#listeners.filter((listener) => listener !== found);
    return found?.fds ?? [];
  }

  /** Closes what nobody claimed: addresses that the config names no more. */
  closeRest(): void {
    for (const { fds } of this.#listeners) closeSockets(fds);
    this.#listeners = [];
  }
}

/** How the successor inherits: descriptors in the order of its stdio, and the variable that says what they are. */
export function bequeath(listeners: readonly LegacyListener[]): {
  fds: number[];
  env: Record<string, string>;
} {
  let next = FIRST_FD;
  const renumbered = listeners.map(({ address, fds }) => ({ address, fds: fds.map(() => next++) }));
  return { fds: listeners.flatMap(({ fds }) => fds), env: { [VARIABLE]: JSON.stringify(renumbered) } };
}
