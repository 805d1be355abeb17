import { closeSockets, openListenSockets, stopNewConnections } from "../shared/process/listen_socket.ts";

/** A connection half made when we stop gets this long to be accepted. */
const HANDSHAKE_MS = 200;

export interface BoundListener {
  address: string;
  port: number;
  /** One a child slot. */
  fds: number[];
}

/** The listening sockets of the edge, owned by the supervisor for as long as it lives. */
export class ListenerSet {
  readonly #slots: number;
  #bound: BoundListener[] = [];

  constructor(slots: number) {
    this.#slots = slots;
  }

  get bound(): readonly BoundListener[] {
    return this.#bound;
  }

  get addresses(): string[] {
    return this.#bound.map(({ address }) => address);
  }

  /** The descriptors of one child slot, in the order of `addresses`. */
  fdsOf(slot: number, addresses = this.addresses): number[] {
    return addresses.flatMap(
      (wanted) => this.#bound.find(({ address }) => address === wanted)?.fds[slot] ?? [],
    );
  }

  /** Opens those of these addresses that are not open; which they were. All or none: a UserError says which can't be had. */
  add(addresses: readonly string[]): string[] {
    const added: BoundListener[] = [];
    try {
      for (const address of addresses) {
        if (this.addresses.includes(address)) continue;
        added.push({ address, ...openListenSockets(address, this.#slots) });
      }
    } catch (error) {
      for (const { fds } of added) closeSockets(fds);
      throw error;
    }
    this.#bound = [...this.#bound, ...added];
    return added.map(({ address }) => address);
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
