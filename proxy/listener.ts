import type { TCPSocketListener } from "bun";
import { closeSockets, duplicateSocket, lengthenQueue } from "../shared/process/listen_socket.ts";
import { clientHandlers } from "./client_handlers.ts";
import type { Edge } from "./edge.ts";
import type { Session } from "./session.ts";

/** A bound address, accepted on while the door is open. */
export class Listener {
  readonly address: string;
  /** Ours for good; Bun closes the one it listens on when it stops. */
  readonly #fd: number;
  readonly #edge: Edge;
  readonly #handlers: ReturnType<typeof clientHandlers>;
  #listening: TCPSocketListener<Session> | undefined;

  constructor(address: string, fd: number, edge: Edge) {
    this.address = address;
    this.#fd = fd;
    this.#edge = edge;
    this.#handlers = clientHandlers(edge, address);
  }

  accept(): void {
    if (this.#listening || this.#edge.draining) return;
    // `fd` is not in Bun's types; a half-closed client may still be waiting for its answer.
    const options = { fd: duplicateSocket(this.#fd), allowHalfOpen: true, socket: this.#handlers };
    this.#listening = Bun.listen<Session>(options as unknown as Bun.TCPSocketListenOptions<Session>);
    // Bun has cut the queue of those who wait to be accepted to 512.
    lengthenQueue(this.#fd);
  }

  /** New connections wait in the kernel's queue. */
  pause(): void {
    this.#listening?.stop();
    this.#listening = undefined;
  }

  close(): void {
    this.pause();
    closeSockets([this.#fd]);
  }
}
