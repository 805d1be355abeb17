import { comparedPath, mergedPath, normalPath, slashedPath } from "../shared/normal_path.ts";
import type { Route } from "./router.ts";

/** How the path of a request is read where it can be spelled in other ways. */
export interface PathReading {
  /** What routes are found by. */
  path: string;
  /** The same for a server that takes an escaped slash for a slash, and for one to which several slashes are several. */
  slashed: string;
  spread: string;
  /** Path and query for whoever comes after us; null: as the client wrote them. */
  target: Buffer | null;
}

/** `target`: from the path's first "/" on. null for a path that servers do not agree on. */
export function readPath(target: string): PathReading | null {
  const [written, query] = partsOf(target);
  const normal = normalPath(written);
  if (normal === undefined) return null;
  return {
    path: comparedPath(mergedPath(normal)),
    slashed: comparedPath(mergedPath(slashedPath(normal))),
    spread: comparedPath(normal),
    target: normal === written ? null : Buffer.from(normal + query, "latin1"),
  };
}

/**
 * Sees to it that every server is in the route that was found, by `find`, for the path. Where slashes decide, it is told
 * of one for several; false when escaped slashes do: they may be data, and nobody can write that in another way.
 */
export function settle(
  reading: PathReading,
  target: string,
  found: Route | undefined,
  find: (path: string) => Route | undefined,
): boolean {
  const { path, slashed, spread } = reading;
  if (slashed !== path && find(slashed) !== found) return false;
  if (spread !== path && find(spread) !== found) {
    const [written, query] = partsOf(reading.target?.toString("latin1") ?? target);
    reading.target = Buffer.from(mergedPath(written) + query, "latin1");
  }
  return true;
}

/** The path, and the query with its "?". */
function partsOf(target: string): [path: string, query: string] {
  const query = target.indexOf("?");
  return query < 0 ? [target, ""] : [target.slice(0, query), target.slice(query)];
}
