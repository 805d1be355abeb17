/** Where a value stands in the file: names of tables and keys, positions in lists counted from 0. */
export type Path = readonly (string | number)[];

/** One thing the user must change. */
export interface Problem {
  path: Path;
  sentence: string;
}

export type Table = Record<string, unknown>;

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** A path as a key of a map. */
export function pathKey(path: Path): string {
  return JSON.stringify(path);
}

/** A path as people say it: "proxy.route.backend", "proxy.trusted_proxies item 2". */
export function pathName(path: Path): string {
  const last = path.at(-1);
  const name = path.filter((part) => typeof part === "string").join(".");
  return typeof last === "number" ? `${name} item ${last + 1}` : name;
}
