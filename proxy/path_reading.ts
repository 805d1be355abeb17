import { comparedPath, mergedPath, normalPath, slashedPaths } from "../shared/normal_path.ts";
import type { Route } from "./router.ts";

/** How the path of a request is read where it can be spelled in other ways. */
export interface PathReading {
  /** What routes are found by. */
  path: string;
  /** In its normal form, with its slashes and escapes as the client wrote them. */
  normal: string;
  /** Path and query for whoever comes after us; null: as the client wrote them, for nothing was decided by the path. */
  target: Buffer | null;
}

/** `target`: from the path's first "/" on. null for a path that servers do not agree on. */
export function readPath(target: string): PathReading | null {
  const normal = normalPath(partsOf(target)[0]);
  if (normal === undefined) return null;
  return { path: comparedPath(mergedPath(normal)), normal, target: null };
}

/**
 * Sees to it that every server is in the route that was found, by `find`, for the path: it is sent the normal form, and
 * where slashes decide, one for several. False when escaped slashes do: they may be data, and nobody can write that in
 * another way.
 */
export function settle(
  reading: PathReading,
  target: string,
  found: Route | undefined,
  find: (path: string) => Route | undefined,
): boolean {
  const { path, normal } = reading;
  if (slashedPaths(normal).some((slashed) => find(comparedPath(slashed)) !== found)) return false;
  const [written, query] = partsOf(target);
  const spread = comparedPath(normal);
  const sent = spread === path || find(spread) === found ? oneFirst(normal) : mergedPath(normal);
  if (sent !== written) reading.target = Buffer.from(sent + query, "latin1");
  return true;
}

/** "//a/b" is also a reference to the path /b of another host (RFC 3986 §4.2), and servers resolve what they get as one. */
function oneFirst(path: string): string {
  return path.replace(/^\/+/, "/");
}

/** The path, and the query with its "?". */
function partsOf(target: string): [path: string, query: string] {
  const query = target.indexOf("?");
  return query < 0 ? [target, ""] : [target.slice(0, query), target.slice(query)];
}
