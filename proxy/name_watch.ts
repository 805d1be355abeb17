import { lookup } from "node:dns/promises";
import { log } from "../shared/log.ts";
import { nameIn, placeOf } from "../shared/process/server_name.ts";

/** A start or a reload waits so long for names; what is not known by then is down until it is. */
const FIRST_LOOKUP_MS = 2000;
/** A name may lead to whole clusters; so many of its addresses are tried. */
const PLACES_MAX = 16;

/** What is known of the name of one server. */
interface Resolution {
  /** The name of the address. */
  readonly name: string;
  readonly port: number;
  /** Empty until it was found for the first time. */
  places: readonly string[];
  /** Why the last look-up found nothing; "": it did. */
  failure: string;
}

/**
 * Where the DNS names of one backend's servers lead, looked up (getaddrinfo(3)) again and again. A name that is not
 * found any more leads where it did: resolvers fail more often than servers move.
 */
export class NameWatch {
  readonly #backend: string;
  readonly #everyMs: number;
  readonly #changed: () => void;
  readonly #resolutions: ReadonlyMap<string, Resolution>;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #stopped = false;

  /** `known`: a watch of before; what it has found needs no first look-up. */
  constructor(
    backend: string,
    addresses: readonly string[],
    everyMs: number,
    changed: () => void,
    known?: NameWatch,
  ) {
    this.#backend = backend;
    this.#everyMs = everyMs;
    this.#changed = changed;
    this.#resolutions = new Map(
      addresses.flatMap((address): [string, Resolution][] => {
        const found = nameIn(address);
        if (!found) return [];
        const before = known === undefined ? undefined : known.#resolutions.get(address);
        const { places = [], failure = "not looked up yet" } = before ?? {};
        return [[address, { ...found, places, failure }]];
      }),
    );
  }

  /** Where connections to this server go; undefined: its address is no name. Empty: nobody knows yet. */
  placesOf(address: string): readonly string[] | undefined {
    return this.#resolutions.get(address)?.places;
  }

  /** Why this server can't be reached by its name, as a sentence; undefined: it can. */
  failureOf(address: string): string | undefined {
    const resolution = this.#resolutions.get(address);
    if (!resolution || resolution.places.length > 0) return undefined;
    return `the name ${resolution.name} can't be resolved: ${resolution.failure}`;
  }

  /** Resolves when every name that is new was looked up, or had time for it. */
  async lookUpNew(): Promise<void> {
    const unknown = [...this.#resolutions].filter(([, { places }]) => places.length === 0);
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, FIRST_LOOKUP_MS);
    await Promise.race([
      late.promise,
      Promise.all(unknown.map(([, resolution]) => this.#lookUp(resolution))),
    ]);
    clearTimeout(timer);
  }

  start(): void {
    for (const address of this.#resolutions.keys()) this.#later(address);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #later(address: string): void {
    this.#timers.set(
      address,
      setTimeout(() => void this.#again(address), this.#everyMs),
    );
  }

  async #again(address: string): Promise<void> {
    const resolution = this.#resolutions.get(address);
    if (!resolution) return;
    const moved = await this.#lookUp(resolution);
    if (this.#stopped) return;
    if (moved) this.#changed();
    this.#later(address);
  }

  /** Whether it leads elsewhere than before. */
  async #lookUp(resolution: Resolution): Promise<boolean> {
    const { name, port, places, failure } = resolution;
    const how = { backend: this.#backend, name };
    try {
      const found = await lookup(name, { all: true });
      resolution.places = sorted(
        found.slice(0, PLACES_MAX).map(({ address }) => placeOf(address, port)),
        places,
      );
      resolution.failure = "";
    } catch (error) {
      resolution.failure = codeOf(error);
      if (resolution.failure !== failure)
        log.warn(
          { ...how, error: resolution.failure },
          `the name of a server can't be resolved${lastWords(places)}`,
        );
      return false;
    }
    const moved = resolution.places.join() !== places.join();
    if (moved && places.length > 0)
      log.info({ ...how, places: resolution.places }, "a server's name leads elsewhere");
    return moved;
  }
}

function lastWords(places: readonly string[]): string {
  return places.length > 0 ? `; it is asked at ${places.join(", ")} as before` : "";
}

/** Resolvers give the same addresses in turns: those that stay keep their order, so that nothing has changed then. */
function sorted(found: readonly string[], before: readonly string[]): string[] {
  const unique = [...new Set(found)];
  return [
    ...before.filter((place) => unique.includes(place)),
    ...unique.filter((place) => !before.includes(place)),
  ];
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
