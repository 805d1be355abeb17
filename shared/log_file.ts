import { closeSync, constants, fchownSync, fstatSync, openSync } from "node:fs";

/**
 * Makes sure that a log file exists and belongs to the children that will write it, when they may not make it
 * themselves. A link is left alone: whoever may write to the folder could have laid it to any file of root's.
 */
export function giveLogFile(path: string, { uid, gid }: { uid: number; gid: number }): void {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOFOLLOW } = constants;
  let fd: number;
  try {
    fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOFOLLOW, 0o640);
  } catch (error) {
    // The child says why it can't open it, if it can't.
    if (error instanceof Error && "code" in error) return;
    throw error;
  }
  try {
    const file = fstatSync(fd);
    if (file.isFile() && file.nlink === 1 && (file.uid !== uid || file.gid !== gid)) fchownSync(fd, uid, gid);
  } finally {
    closeSync(fd);
  }
}
