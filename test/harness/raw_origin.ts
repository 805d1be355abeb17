/** One connection from the edge, seen from the server's side. */
export interface OriginConnection {
  /** Everything that has come so far. */
  received: Buffer;
  /** The edge has ended the connection. */
  ended: boolean;
  send(data: string | Uint8Array): void;
  /** Ends after what was sent. */
  end(): void;
  reset(): void;
}

export type OnBytes = (connection: OriginConnection, bytes: Buffer) => void;

/** A TCP server that answers bytes with bytes, right or wrong: `using origin = RawOrigin.start(…)`. */
export class RawOrigin implements Disposable {
  readonly connections: OriginConnection[] = [];
  readonly #listener: Bun.TCPSocketListener<State>;

  private constructor(onBytes: OnBytes) {
    this.#listener = Bun.listen<State>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => {
          socket.data = new State(socket);
          this.connections.push(socket.data);
        },
        data: (socket, bytes) => {
          socket.data.received = Buffer.concat([socket.data.received, bytes]);
          onBytes(socket.data, bytes);
        },
        drain: (socket) => socket.data.flush(),
        close: (socket) => {
          socket.data.ended = true;
        },
      },
    });
  }

  static start(onBytes: OnBytes): RawOrigin {
    return new RawOrigin(onBytes);
  }

  /** Answers every request head with the same bytes; bodies must come in the same packet. */
  static answering(response: string): RawOrigin {
    return new RawOrigin((connection, bytes) => {
      if (bytes.includes("\r\n\r\n")) connection.send(response);
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }
}

class State implements OriginConnection {
  received: Buffer = Buffer.alloc(0);
  ended = false;
  readonly #socket: Bun.Socket<State>;
  #unsent: Buffer = Buffer.alloc(0);
  #ending = false;

  constructor(socket: Bun.Socket<State>) {
    this.#socket = socket;
  }

  send(data: string | Uint8Array): void {
    this.#unsent = Buffer.concat([
      this.#unsent,
      typeof data === "string" ? Buffer.from(data, "latin1") : data,
    ]);
    this.flush();
  }

  end(): void {
    this.#ending = true;
    this.flush();
  }

  reset(): void {
    this.#socket.terminate();
  }

  flush(): void {
    if (this.#unsent.length > 0) {
      const taken = this.#socket.write(this.#unsent);
      if (taken > 0) this.#unsent = this.#unsent.subarray(taken);
    }
    // end() with bytes unsent would cut them off.
    if (this.#ending && this.#unsent.length === 0) this.#socket.end();
  }
}
