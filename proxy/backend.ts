import type { Server, ServerState } from "./server.ts";

/** A named group of servers and the turn they take. Who is usable is worked out when a state changes, not a request. */
export class Backend {
  readonly name: string;
  retries = 0;
  readonly #make: (address: string) => Server;
  #servers: Server[] = [];
  #usable: Server[] = [];
  #turn: number;

  /** `offset`: where the turn starts, so that many processes do not all begin with the same server. */
  constructor(name: string, make: (address: string) => Server, offset: number) {
    this.name = name;
    this.#make = make;
    this.#turn = offset;
  }

  get servers(): readonly Server[] {
    return this.#servers;
  }

  get usable(): readonly Server[] {
    return this.#usable;
  }

  /** The next server in turn, another one than `avoid` if there is one; undefined when none is up. */
  pick(avoid: Server | null): Server | undefined {
    const usable = this.#usable;
    if (usable.length === 0) return undefined;
    const server = usable[this.#turn++ % usable.length];
    return server === avoid && usable.length > 1 ? usable[this.#turn++ % usable.length] : server;
  }

  setState(address: string, state: ServerState): void {
    for (const server of this.#servers) {
      if (server.address !== address || server.state === state) continue;
      server.state = state;
      if (state === "down") server.closeIdle();
    }
    this.#usable = this.#servers.filter((server) => server.state === "up");
  }

  /** Other members from now on: those that stay keep their connections, those that leave finish what they have. */
  setMembers(addresses: readonly string[]): void {
    const before = this.#servers;
    this.#servers = addresses.map(
      (address) => before.find((server) => server.address === address) ?? this.#make(address),
    );
    for (const server of before) {
      if (this.#servers.includes(server)) continue;
      server.state = "down";
      server.closeIdle();
    }
    this.#usable = this.#servers.filter((server) => server.state === "up");
  }
}
