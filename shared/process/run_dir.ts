import { accessSync, chmodSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { UserError } from "../user_error.ts";

const FALLBACK = ".trivet";
/** sun_path holds 107 bytes (unix(7)); the longest of our names needs 40. */
const LONGEST_DIR = 67;

/**
 * The folder of the admin sockets, made when missing; ./.trivet beside the config where that can't be. A mode that has a
 * folder of its own in it takes that one: each mode may have its own group then, which alone may command it.
 */
export function makeRunDir(wanted: string, mode: string, dir: string): string {
  const own = join(wanted, mode);
  const places = existsSync(own) ? [own, wanted] : [wanted];
  const runDir = places.find(usable) ?? resolve(dir, FALLBACK);
  if (!usable(runDir))
    throw new UserError(
      `can't write to ${wanted} or ${runDir}: set admin.dir to a folder that can be written`,
    );
  if (Buffer.byteLength(runDir) > LONGEST_DIR) {
    throw new UserError(`admin.dir ${runDir} is too long for a socket: use at most ${LONGEST_DIR} bytes`);
  }
  return runDir;
}

/** Where a running mode's sockets are looked for, without making anything. */
export function runDirCandidates(wanted: string, mode: string, dir: string): string[] {
  return [...new Set([join(wanted, mode), wanted, resolve(dir, FALLBACK)])];
}

/** Whether it is there and we may not look into it. */
export function isClosed(folder: string): boolean {
  try {
    accessSync(folder, constants.R_OK | constants.X_OK);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EACCES") return existsSync(folder);
    return false;
  }
}

const OTHERS_MAY_PASS = 0o001;

/** Lets children that are no longer root reach what lies in the folder, without letting them look around. */
export function letPass(runDir: string): void {
  const { mode, uid } = statSync(runDir);
  if (uid === process.geteuid?.() && !(mode & OTHERS_MAY_PASS))
    chmodSync(runDir, (mode & 0o7777) | OTHERS_MAY_PASS);
}

function usable(dir: string): boolean {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o750 });
    accessSync(dir, constants.W_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}
