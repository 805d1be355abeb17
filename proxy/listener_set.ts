import type { Legacy } from "../shared/process/legacy.ts";
import {
  addListenSockets,
  closeSockets,
  openListenSockets,
  stopNewConnections,
} from "../shared/process/listen_socket.ts";

/** A connection half made when we stop gets this long to be accepted. */
const HANDSHAKE_MS = 200;

export interface BoundListener {
  address: string;
  port: number;
  /** One a child slot; more after an upgrade to fewer slots: a slot then takes each whose turn it is. */
  fds: number[];
}

/** The listening sockets of the edge, owned by the supervisor for as long as it lives. */
export class ListenerSet {
  readonly #slots: number;
  readonly #legacy: Legacy | undefined;
  #bound: BoundListener[] = [];

  /** `legacy`: sockets of the supervisor before us are used where the address is the same. */
  constructor(slots: number, legacy: Legacy | undefined) {
    this.#slots = slots;
    this.#legacy = legacy;
  }

  get bound(): readonly BoundListener[] {
    return this.#bound;
  }

  get addresses(): string[] {
    return this.#bound.map(({ address }) => address);
  }

  /** The sockets of one child slot, in a fixed order. */
  socketsOf(slot: number, addresses = this.addresses): { address: string; fd: number }[] {
    return this.#bound
      .filter(({ address }) => addresses.includes(address))
      .flatMap(({ address, fds }) =>
        fds.filter((_, i) => i % this.#slots === slot).map((fd) => ({ address, fd })),
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
    const inherited = this.#legacy?.claim(address) ?? [];
    if (inherited.length === 0) return { address, ...openListenSockets(address, this.#slots) };
    const { fds, port } = addListenSockets(address, inherited, this.#slots);
    return { address, port, fds };
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

  /** Closes all but these. */
  keepOnly(addresses: readonly string[]): void {
    for (const { address, fds } of this.#bound) if (!addresses.includes(address)) closeSockets(fds);
    this.#bound = this.#bound.filter(({ address }) => addresses.includes(address));
  }
}
