import type { Server } from "../server.ts";
import type { Balance } from "./balance.ts";
import { smoothSchedule } from "./schedule.ts";

/** Servers take turns by weight, from a schedule that is laid out when a state or weight changes, not a request. */
export class RoundRobin implements Balance {
  #turns: Server[] = [];
  #turn = 0;
  readonly #offset: number;

  constructor(offset: number) {
    this.#offset = offset;
  }

  assign(servers: readonly Server[]): void {
    const before = this.#turns.length;
    this.#turns = smoothSchedule(servers.map(({ weight }) => weight)).flatMap((i) => servers[i] ?? []);
    this.#turn = (before === 0 ? this.#offset : this.#turn) % Math.max(1, this.#turns.length);
  }

  pick(_key: number, avoid: Server | null): Server | undefined {
    const turns = this.#turns;
    const turn = this.#turn;
    const server = turns[turn];
    if (server === undefined) return undefined;
    this.#turn = turn + 1 === turns.length ? 0 : turn + 1;
    return server !== avoid && server.active < server.connectionsMax ? server : this.#search(avoid);
  }

  /** The one in turn is full or not wanted: the next that will do. */
  #search(avoid: Server | null): Server | undefined {
    const turns = this.#turns;
    const start = this.#turn + turns.length - 1;
    let last: Server | undefined;
    for (let i = 0; i < turns.length; i++) {
      const at = (start + i) % turns.length;
      const server = turns[at];
      if (server === undefined || server.active >= server.connectionsMax) continue;
      last = server;
      if (server === avoid) continue;
      this.#turn = (at + 1) % turns.length;
      return server;
    }
    return last;
  }
}
