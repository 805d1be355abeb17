import type { Socket } from "bun";
import type { Exchange } from "./exchange_state.ts";
import type { Gate } from "./gate.ts";
import type { Sender } from "./send.ts";
import type { Server } from "./server.ts";
import type { Session } from "./session.ts";

/** Our connection to a server. */
export class Upstream implements Sender {
  readonly server: Server;
  /** Told when the descriptor is free again. */
  readonly gate: Gate;
  socket: Socket<Upstream> | null = null;
  exchange: Exchange | null;
  unsent: Uint8Array | null = null;
  /** The start of a response head that is not whole yet. */
  held: Buffer | null = null;
  paused = false;
  /** The server has sent its FIN. */
  ended = false;
  /** We have sent our FIN. */
  shut = false;
  /** It has carried a request before this one. */
  reused = false;
  idleUntilMs = 0;
  /** It rests for the second time that servers are looked at. */
  rested = false;
  /** The client that has authenticated on it, or was asked to: nobody else's requests may go there. */
  owner: Session | null = null;

  constructor(server: Server, exchange: Exchange, gate: Gate) {
    this.server = server;
    this.exchange = exchange;
    this.gate = gate;
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket?.resume();
  }

  shutdown(): void {
    this.shut = true;
    this.socket?.shutdown();
  }

  /**
   * Nobody waits for it any more. `abruptly`: with a reset, where the server would have gone on with it: else our port
   * would be taken for a minute more (TIME_WAIT).
   */
  close(abruptly = false): void {
    this.exchange = null;
    this.server.forget(this);
    this.owner?.edge.privateConnections.forget(this.owner, this);
    const { socket } = this;
    this.socket = null;
    if (abruptly) socket?.terminate();
    else socket?.end();
  }
}
