/** The files of an embedded store: who may read them, and whether those at their place are still the ones that are open. */
import { chmodSync, closeSync, openSync, rmSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";

const OWN = 0o600;
const GROUP = 0o660;
const MODE_BITS = 0o777;
const GROUP_MAY_WRITE = 0o020;
/** A folder in which new files belong to its group (inode(7), S_ISGID). */
const SET_GROUP = 0o2000;
/** One that is copied to its place is written to as long. */
const COPIED_MS = 2_000;

/** "removed": nothing is at its place, or a copy comes there. "replaced": another file is. "log": as much for the log. */
export type FileFault = "removed" | "replaced" | "log";

type Identity = Pick<Stats, "dev" | "ino">;

export class SqliteFile {
  readonly path: string;
  #file: Identity | undefined;
  #log: Identity | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Before it is opened: nobody but us reads jobs. SQLite gives its log the same mode (sqlite.org, os_unix.c,
   * findCreateFileMode). A file that its group may write, and a new one in a folder made for a group, is the group's, too.
   * Throws the error of the file system.
   */
  keepPrivate(): void {
    const folder = statSync(dirname(this.path));
    const isShared = (folder.mode & SET_GROUP) !== 0 && (folder.mode & GROUP_MAY_WRITE) !== 0;
    if (madeFile(this.path, OWN)) {
      if (isShared) chmodSync(this.path, GROUP);
      return;
    }
    for (const path of [this.path, `${this.path}-wal`, `${this.path}-shm`]) tighten(path);
  }

  /** It has just been opened. */
  remember(): void {
    this.#file = look(this.path);
    this.#log = look(`${this.path}-wal`);
  }

  /** Undefined when all is as it was at the opening. */
  fault(nowMs: number): FileFault | undefined {
    const file = look(this.path);
    if (!file) return "removed";
    if (!isSame(file, this.#file))
      return file.size === 0 || nowMs - file.mtimeMs < COPIED_MS ? "removed" : "replaced";
    return isSame(look(`${this.path}-wal`), this.#log) ? undefined : "log";
  }

  /** After it was closed, when another file has taken its place: a log that stayed there would be taken for that one's. */
  dropLog(): void {
    if (!isSame(look(`${this.path}-wal`), this.#log)) return;
    rmSync(`${this.path}-wal`, { force: true });
    rmSync(`${this.path}-shm`, { force: true });
  }
}

/** Whether there was none. */
function madeFile(path: string, mode: number): boolean {
  try {
    closeSync(openSync(path, "wx", mode));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Of another's file only the other may change the mode: what it is, is not ours to say. */
function tighten(path: string): void {
  const found = look(path);
  if (!found || found.uid !== process.geteuid?.()) return;
  const mode = (found.mode & GROUP_MAY_WRITE) === 0 ? OWN : GROUP;
  if ((found.mode & MODE_BITS & ~mode) !== 0) chmodSync(path, found.mode & mode);
}

function look(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function isSame(one: Identity | undefined, other: Identity | undefined): boolean {
  return one !== undefined && other !== undefined && one.ino === other.ino && one.dev === other.dev;
}
