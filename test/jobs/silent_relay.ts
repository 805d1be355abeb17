import type { Socket } from "bun";

interface Leg {
  other: Socket<Leg> | undefined;
  early: Uint8Array[];
  /** Bytes go nowhere, and nobody is told. */
  silent: boolean;
}

/** A TCP relay whose connections can go silent without being closed, as behind a firewall that forgot them. */
export class SilentRelay implements Disposable {
  readonly #listener: Bun.TCPSocketListener<Leg>;
  readonly #legs = new Set<Leg>();

  constructor(targetPort: number) {
    const close = (socket: Socket<Leg>) => {
      this.#legs.delete(socket.data);
      if (!socket.data.silent) socket.data.other?.end();
    };
    const data = (socket: Socket<Leg>, chunk: Uint8Array) => {
      const { other, early, silent } = socket.data;
      if (silent) return;
      if (other) other.write(chunk);
      else early.push(new Uint8Array(chunk));
    };
    const make = (other: Socket<Leg> | undefined): Leg => {
      const leg: Leg = { other, early: [], silent: false };
      this.#legs.add(leg);
      return leg;
    };
    this.#listener = Bun.listen<Leg>({
      hostname: "127.0.0.1",
      port: 0,
      data: make(undefined),
      socket: {
        open: (client) => {
          client.data = make(undefined);
          const opening = Bun.connect<Leg>({
            hostname: "127.0.0.1",
            port: targetPort,
            data: make(client),
            socket: {
              open: (server) => {
                client.data.other = server;
                for (const chunk of client.data.early.splice(0)) server.write(chunk);
              },
              data,
              close,
            },
          });
          opening.catch(() => client.end());
        },
        data,
        close,
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  /** All connections of now; new ones work. */
  silence(): void {
    for (const leg of this.#legs) leg.silent = true;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }
}
