import type { Server } from "../server.ts";
import type { Balance } from "./balance.ts";
import { lighter } from "./load.ts";
import { smoothSchedule } from "./schedule.ts";

/** Two at random, by weight, and of them the one with less to do: nearly as even as looking at all. */
export class RandomTwo implements Balance {
  #servers: readonly Server[] = [];
  /** Each as often as its weight. */
  #chances: Server[] = [];

  assign(servers: readonly Server[]): void {
    this.#servers = servers;
    this.#chances = smoothSchedule(servers.map(({ weight }) => weight)).flatMap((i) => servers[i] ?? []);
  }

  pick(_key: number, avoid: Server | null): Server | undefined {
    const one = this.#draw();
    const two = this.#drawOther(one);
    if (one === undefined || two === undefined)
      return one && one.active < one.connectionsMax ? one : undefined;
    if (one !== avoid && two !== avoid) {
      const best = lighter(one, two);
      if (best.active < best.connectionsMax) return best;
    }
    return this.#search(avoid);
  }

  #draw(): Server | undefined {
    return this.#chances[Math.floor(Math.random() * this.#chances.length)];
  }

  /** Another one than the first; undefined when there is only one. */
  #drawOther(first: Server | undefined): Server | undefined {
    if (this.#servers.length < 2) return undefined;
    for (let tries = 0; tries < this.#servers.length; tries++) {
      const other = this.#draw();
      if (other !== first) return other;
    }
    return this.#servers.find((server) => server !== first);
  }

  /** What was drawn is full or not wanted: the one with least to do of those that will do. */
  #search(avoid: Server | null): Server | undefined {
    let best: Server | undefined;
    let last: Server | undefined;
    for (const server of this.#servers) {
      if (server.active >= server.connectionsMax) continue;
      if (server === avoid) last = server;
      else best = best === undefined ? server : lighter(best, server);
    }
    return best ?? last;
  }
}
