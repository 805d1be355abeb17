import type { Server } from "../server.ts";
import type { Balance } from "./balance.ts";
import { loadWithOneMore } from "./load.ts";

interface Place {
  server: Server;
  load: number;
  /** When it was picked last, counted in picks: among equals the one that has waited longest is next. */
  pickedAt: number;
  /** Its index in the heap. */
  at: number;
}

/** The server with the fewest requests in its hands for its weight: the top of a heap that every request moves a little. */
export class LeastConnections implements Balance {
  #heap: Place[] = [];
  #places = new Map<Server, Place>();
  #picks = 0;

  assign(servers: readonly Server[]): void {
    const before = this.#places;
    this.#heap = servers.map((server, at) => {
      const pickedAt = before.get(server)?.pickedAt ?? this.#picks;
      return { server, load: loadWithOneMore(server), pickedAt, at };
    });
    this.#places = new Map(this.#heap.map((place) => [place.server, place]));
    for (let at = this.#heap.length >> 1; at >= 0; at--) this.#sink(at);
  }

  pick(_key: number, avoid: Server | null): Server | undefined {
    const top = this.#heap[0];
    if (top === undefined) return undefined;
    const { server } = top;
    const fits = server !== avoid && server.active < server.connectionsMax;
    const place = fits ? top : this.#search(avoid);
    if (place === undefined) return undefined;
    place.pickedAt = ++this.#picks;
    this.#settle(place);
    return place.server;
  }

  moved(server: Server): void {
    const place = this.#places.get(server);
    if (place === undefined) return;
    place.load = loadWithOneMore(server);
    this.#settle(place);
  }

  /** The top is full or not wanted: the lightest of those that will do. */
  #search(avoid: Server | null): Place | undefined {
    let best: Place | undefined;
    let last: Place | undefined;
    for (const place of this.#heap) {
      const { server } = place;
      if (server.active >= server.connectionsMax) continue;
      if (server === avoid) last = place;
      else if (best === undefined || before(place, best)) best = place;
    }
    return best ?? last;
  }

  #settle(place: Place): void {
    this.#rise(place.at);
    this.#sink(place.at);
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const above = (at - 1) >> 1;
      if (!this.#swapIfBefore(at, above)) return;
      at = above;
    }
  }

  #sink(from: number): void {
    for (let at = from; ; ) {
      const left = 2 * at + 1;
      const [one, two] = [this.#heap[left], this.#heap[left + 1]];
      if (one === undefined) return;
      const below = two !== undefined && before(two, one) ? left + 1 : left;
      if (!this.#swapIfBefore(below, at)) return;
      at = below;
    }
  }

  #swapIfBefore(lower: number, upper: number): boolean {
    const [a, b] = [this.#heap[lower], this.#heap[upper]];
    if (a === undefined || b === undefined || !before(a, b)) return false;
    this.#heap[lower] = b;
    this.#heap[upper] = a;
    b.at = lower;
    a.at = upper;
    return true;
  }
}

function before(a: Place, b: Place): boolean {
  return a.load === b.load ? a.pickedAt < b.pickedAt : a.load < b.load;
}
