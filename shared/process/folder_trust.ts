import { realpathSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";

/** In a folder with this bit only its owner takes away what others have put there (inode(7), S_ISVTX). */
const STICKY = 0o1000;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;

/** The folder, or the nearest one above it, in which the entries on the way are not only root's to change; undefined: none. */
export function folderOfOthers(folder: string): string | undefined {
  return nearest(
    folder,
    ({ uid, gid, mode }) => uid !== 0 || (gid !== 0 && groupMay(mode)) || othersMay(mode),
  );
}

/** The same, for entries that this user and its group may change. */
export function folderOfUser(folder: string, user: { uid: number; gid: number }): string | undefined {
  return nearest(
    folder,
    ({ uid, gid, mode }) => uid === user.uid || (gid === user.gid && groupMay(mode)) || othersMay(mode),
  );
}

function groupMay(mode: number): boolean {
  return (mode & STICKY) === 0 && (mode & GROUP_WRITES) !== 0;
}

function othersMay(mode: number): boolean {
  return (mode & STICKY) === 0 && (mode & OTHERS_WRITE) !== 0;
}

function nearest(folder: string, mayChange: (stats: Stats) => boolean): string | undefined {
  for (let at = realpathSync(folder); ; at = dirname(at)) {
    if (mayChange(statSync(at))) return at;
    if (at === dirname(at)) return undefined;
  }
}
