import type { Server } from "../server.ts";
import type { Balance } from "./balance.ts";
import { hashOf, mix } from "./hash_of.ts";
import { RoundRobin } from "./round_robin.ts";

interface Candidate {
  server: Server;
  hash: number;
}

const RANGE = 2 ** 32;

/**
 * The same client, the same server: rendezvous hashing. Each server draws a number from the client's key, the highest
 * wins; so when one leaves, only its own clients move, and they come back with it. A server that is full counts as one
 * that is away. Every process and every edge draws the same. Who does not say who he is goes round robin.
 */
export class Hash implements Balance {
  #candidates: Candidate[] = [];
  /** All weights are the same: the numbers can be compared as they are drawn. */
  #equal = true;
  readonly #others: RoundRobin;

  constructor(offset: number) {
    this.#others = new RoundRobin(offset);
  }

  assign(servers: readonly Server[]): void {
    this.#candidates = servers.map((server) => ({ server, hash: hashOf(server.address) }));
    this.#equal = servers.every(({ weight }) => weight === servers[0]?.weight);
    this.#others.assign(servers);
  }

  pick(key: number, avoid: Server | null): Server | undefined {
    if (key === 0) return this.#others.pick(key, avoid);
    let best: Server | undefined;
    let bestScore = Number.NEGATIVE_INFINITY;
    let last: Server | undefined;
    for (const { server, hash } of this.#candidates) {
      if (server.active >= server.connectionsMax) continue;
      if (server === avoid) {
        last = server;
        continue;
      }
      const drawn = mix(key ^ hash);
      // Weighted: -w / ln(u) has the same order as u where weights are equal (Schindelhauer and Schomaker, 2005).
      const score = this.#equal ? drawn : -server.weight / Math.log((drawn + 0.5) / RANGE);
      if (score <= bestScore) continue;
      best = server;
      bestScore = score;
    }
    return best ?? last;
  }
}
