import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "./environment.ts";

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const BYTES_MAX = 64 * 1024;

/**
 * The environment, and behind it the files of $CREDENTIALS_DIRECTORY by their names (LoadCredential= in systemd.exec(5)):
 * a secret there is in no environment that a child or another user could read. One line break at the end is no part of it.
 */
export function withCredentials(env: Environment): Environment {
  const folder = env["CREDENTIALS_DIRECTORY"];
  if (!folder) return env;
  return {
    ...Object.fromEntries(namesIn(folder).map((name) => [name, secretIn(join(folder, name))])),
    ...env,
  };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => VARIABLE.test(name));
  } catch {
    // Not ours to read: a variable that is missing is told by its name.
    return [];
  }
}

function secretIn(file: string): string | undefined {
  try {
    if (statSync(file).size > BYTES_MAX) return undefined;
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch {
    return undefined;
  }
}
