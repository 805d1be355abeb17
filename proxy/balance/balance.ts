import type { Server } from "../server.ts";
import { Hash } from "./hash.ts";
import { LeastConnections } from "./least_connections.ts";
import { RandomTwo } from "./random_two.ts";
import { RoundRobin } from "./round_robin.ts";

/** How a backend chooses among its servers. */
export interface Balance {
  /** These can be given requests from now on, by their weights of now. */
  assign(servers: readonly Server[]): void;
  /**
   * One that has room, another than `avoid` if such a one has; undefined when none has room. `key` stands for the
   * client where the algorithm goes by that, 0 when the request does not say who it is.
   */
  pick(key: number, avoid: Server | null): Server | undefined;
  /** A server has taken a request or is done with one. */
  moved?(server: Server): void;
}

/** The algorithm of `balance = …`. `offset`: which of many processes this is, so that not all begin with the same server. */
export function balanceOf(name: string, offset: number): Balance {
  switch (name) {
    case "least_connections":
      return new LeastConnections();
    case "random_two":
      return new RandomTwo();
    case "round_robin":
      return new RoundRobin(offset);
    default:
      return new Hash(offset);
  }
}
