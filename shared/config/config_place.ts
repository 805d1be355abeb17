import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

export const DEFAULT_FILE = "trivet.toml";

/** Whose config it is: the file, or where it would be when all is default. */
export function configPlace(file: string | undefined, dir: string): string {
  return file ?? join(dir, DEFAULT_FILE);
}

/** Whether two places are of one config, also when links lead to one of them or the file is not there. */
export function sameConfig(one: string, other: string): boolean {
  return one === other || resolved(one) === resolved(other);
}

function resolved(place: string): string {
  return real(place) ?? join(real(dirname(place)) ?? dirname(place), basename(place));
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
