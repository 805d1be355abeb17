import type { Server } from "../server.ts";

/** What a server would have to do with one more request, for its weight. */
export function loadWithOneMore({ active, weight }: Server): number {
  return (active + 1) / weight;
}

export function lighter(one: Server, two: Server): Server {
  return loadWithOneMore(two) < loadWithOneMore(one) ? two : one;
}
