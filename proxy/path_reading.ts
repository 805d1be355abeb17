import { comparedPath, normalPath, pathOfSlashes } from "../shared/normal_path.ts";

/** How the path of a request is read where it can be spelled in other ways. */
export interface PathReading {
  /** What routes are found by. */
  path: string;
  /** The same for a server that takes escaped slashes for slashes: where that is another route, nobody can say which. */
  slashed: string;
  /** Path and query for whoever comes after us; null: as the client wrote them. */
  target: Buffer | null;
}

/** `target`: from the path's first "/" on. null for a path that servers do not agree on. */
export function readPath(target: string): PathReading | null {
  const query = target.indexOf("?");
  const written = query < 0 ? target : target.slice(0, query);
  const normal = normalPath(written);
  if (normal === undefined) return null;
  return {
    path: comparedPath(normal),
    slashed: comparedPath(pathOfSlashes(normal)),
    target: normal === written ? null : Buffer.from(normal + target.slice(written.length), "latin1"),
  };
}
