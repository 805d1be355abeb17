import { type Stats, statSync } from "node:fs";
import { dirname, isAbsolute } from "node:path";

/**
 * Where this process was started, links unresolved as in the shell's PWD: from a `current` link that is moved, a reload
 * finds the new release.
 */
export const startFolder = asCalled(process.env["PWD"], process.cwd());

/** `called` when it is the folder that the kernel knows as `actual`; another program may have left PWD behind. */
export function asCalled(called: string | undefined, actual: string): string {
  if (!called || !isAbsolute(called) || called.split("/").includes("..")) return actual;
  return sameFolder(statOf(called), statOf(actual)) ? called : actual;
}

/**
 * Where a new process is to start when it can't inherit our folder, as an option of Bun.spawn: none when it can; otherwise what now stands at
 * the path, or, when a clean-up has removed it, the nearest folder above. No process starts in a folder that is gone.
 */
export function folderForChildren(path = startFolder): { cwd?: string } {
  if (sameFolder(statOf(path), statOf("."))) return {};
  let folder = path;
  while (folder !== "/" && !statOf(folder)?.isDirectory()) folder = dirname(folder);
  return { cwd: folder };
}

function sameFolder(one: Stats | undefined, other: Stats | undefined): boolean {
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev;
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
