import type { Legacy, LegacyListener } from "./legacy.ts";
import {
  addListenSockets,
  BACKLOG,
  closeSockets,
  openListenSockets,
  setBacklog,
  stopNewConnections,
} from "./listen_socket.ts";

/** A connection half made when we stop gets this long to be accepted. */
const HANDSHAKE_MS = 200;

/** Names of listeners: their addresses, but for the second and later ones of port 0, each of which has a port of its own. */
export function listenerNames(addresses: readonly string[]): string[] {
  const counts = new Map<string, number>();
  return addresses.map((address) => {
    const count = (counts.get(address) ?? 0) + 1;
    counts.set(address, count);
    return count === 1 ? address : `${address} (${count})`;
  });
}

/** As the config has it. */
export function addressOfListener(name: string): string {
  return name.replace(/ \(\d+\)$/, "");
}

export interface BoundListener {
  /** By listenerNames(). */
  address: string;
  port: number;
  /** One a child slot; more after an upgrade to fewer slots: a slot then takes each whose turn it is. */
  fds: number[];
}

/** The listening sockets of one mode, owned by the supervisor for as long as it lives. Addresses are names of listeners. */
export class ListenerSet {
  /** Before an address in a bequest: two modes may both name "127.0.0.1:0". */
  readonly #owner: string;
  #slots: number;
  readonly #legacy: Legacy | undefined;
  #backlog: number;
  #bound: BoundListener[] = [];

  /** `legacy`: sockets of the supervisor before us are used where the address is the same. */
  constructor(owner: "proxy" | "serve", slots: number, legacy: Legacy | undefined, backlog = BACKLOG) {
    this.#owner = owner === "proxy" ? "" : `${owner} `;
    this.#slots = slots;
    this.#legacy = legacy;
    this.#backlog = backlog;
  }

  /** How many connections may wait for one slot, on the sockets that are open and on those to come. */
  set backlog(connections: number) {
    this.#backlog = connections;
    for (const { fds } of this.#bound) setBacklog(fds, connections);
  }

  get bound(): readonly BoundListener[] {
    return this.#bound;
  }

  get addresses(): string[] {
    return this.#bound.map(({ address }) => address);
  }

  /** The sockets of one child slot, in a fixed order. */
  socketsOf(slot: number, addresses = this.addresses): { address: string; port: number; fd: number }[] {
    return this.#bound
      .filter(({ address }) => addresses.includes(address))
      .flatMap(({ address, port, fds }) =>
        fds.filter((_, i) => i % this.#slots === slot).map((fd) => ({ address, port, fd })),
      );
  }

  /** Opens those of these addresses that are not open; which they were. All or none: a UserError says which can't be had. */
  add(addresses: readonly string[]): string[] {
    const added: BoundListener[] = [];
    try {
      for (const address of addresses) {
        if (this.addresses.includes(address)) continue;
        added.push(this.#open(address));
      }
    } catch (error) {
      for (const { fds } of added) closeSockets(fds);
      throw error;
    }
    this.#bound = [...this.#bound, ...added];
    return added.map(({ address }) => address);
  }

  #open(address: string): BoundListener {
    const inherited = this.#legacy?.claim(this.#owner + address) ?? [];
    if (inherited.length === 0) {
      return { address, ...openListenSockets(addressOfListener(address), this.#slots, this.#backlog) };
    }
    setBacklog(inherited, this.#backlog);
    return {
      address,
      ...addListenSockets(addressOfListener(address), inherited, this.#slots, this.#backlog),
    };
  }

  /** Sockets for one slot more. Throws a UserError, with nothing changed, when they can't be had. */
  grow(): void {
    const more = this.#bound.map(({ address, fds }) => {
      return {
        address,
        ...addListenSockets(addressOfListener(address), fds, this.#slots + 1, this.#backlog),
      };
    });
    this.#bound = more;
    this.#slots++;
  }

  /** Has the kernel turn new connections away from the last slot, and waits for those half made. */
  async quietLast(): Promise<void> {
    stopNewConnections(this.socketsOf(this.#slots - 1).map(({ fd }) => fd));
    await Bun.sleep(HANDSHAKE_MS);
  }

  /** Lets go of the sockets of the last slot. Its child, which has them too, takes what still waits there. */
  shrink(): void {
    const last = this.socketsOf(this.#slots - 1).map(({ fd }) => fd);
    closeSockets(last);
    this.#bound = this.#bound.map((listener) => ({
      ...listener,
      fds: listener.fds.filter((fd) => !last.includes(fd)),
    }));
    this.#slots--;
  }

  /** Has the kernel turn new connections away from all but these, and waits for those half made. */
  async quietAllBut(addresses: readonly string[]): Promise<void> {
    const fds = this.#bound
      .filter(({ address }) => !addresses.includes(address))
      .flatMap((listener) => listener.fds);
    if (fds.length === 0) return;
    stopNewConnections(fds);
    await Bun.sleep(HANDSHAKE_MS);
  }

  /** What a successor goes on with. */
  bequest(): LegacyListener[] {
    return this.#bound.map(({ address, fds }) => ({ address: this.#owner + address, fds }));
  }

  /** Closes all but these. */
  keepOnly(addresses: readonly string[]): void {
    for (const { address, fds } of this.#bound) if (!addresses.includes(address)) closeSockets(fds);
    this.#bound = this.#bound.filter(({ address }) => addresses.includes(address));
  }
}
