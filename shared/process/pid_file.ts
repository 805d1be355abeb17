import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { sentenceOf, UserError } from "../user_error.ts";
import { folderOfOthers } from "./folder_trust.ts";
import { nameOfProcess, SUPERVISOR_NAME } from "./process_name.ts";

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
/** A number and what may stand around it. */
const READ_BYTES_MAX = 64;

/** The file that tells others which process the supervisor is. */
export class PidFile {
  #path: string;

  /** "" is no file. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Throws a UserError when it can't be written, or names another supervisor that lives, unless we succeed that one.
   * One that a killed process left behind is no obstacle, also when another program has its number now. Root, whose
   * scripts believe what they read there, wants a folder that is root's alone.
   */
  check(succeeding: boolean): void {
    if (this.#path === "") return;
    try {
      accessSync(dirname(this.#path), constants.W_OK);
    } catch (error) {
      throw unwritable(this.#path, error);
    }
    const theirs = process.geteuid?.() === 0 ? folderOfOthers(dirname(this.#path)) : undefined;
    if (theirs !== undefined) {
      throw new UserError(
        `serve.pid_file ${this.#path}: others than root may change what lies in ${theirs}, and so whom this file names: set it to a folder of root's, like /run`,
      );
    }
    const pid = pidIn(this.#path);
    if (succeeding || pid === process.pid || nameOfProcess(pid) !== SUPERVISOR_NAME) return;
    throw new UserError(
      `serve.pid_file ${this.#path} says that Trivet already runs as process ${pid}: stop it first, or give this one another file`,
    );
  }

  /** Readers see the old or the new one, never a half. */
  write(): void {
    if (this.#path === "") return;
    try {
      const beside = writeBeside(this.#path);
      renameSync(beside, this.#path);
    } catch (error) {
      throw unwritable(this.#path, error);
    }
  }

  /** Another path from now on. Throws a UserError, with the old file in place, when it can't be had. */
  move(path: string): void {
    if (path === this.#path) return;
    const other = new PidFile(path);
    other.check(false);
    other.write();
    this.remove();
    this.#path = path;
  }

  /** Unless it is another's by now. */
  remove(): void {
    if (this.#path !== "" && pidIn(this.#path) === process.pid) unlinkSync(this.#path);
  }
}

/** Under a name that nobody can have put a link at; the name. */
function writeBeside(path: string): string {
  const beside = `${path}.${crypto.randomUUID().slice(0, 8)}`;
  const fd = openSync(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
  try {
    writeSync(fd, `${process.pid}\n`);
  } catch (error) {
    unlinkSync(beside);
    throw error;
  } finally {
    closeSync(fd);
  }
  return beside;
}

/** 0 when there is none, no number in it, or something else than a file in its place. */
function pidIn(path: string): number {
  let fd: number;
  try {
    // A FIFO would hold us up; a link leads to what somebody else wants us to read.
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (error instanceof Error && "code" in error) return 0;
    throw error;
  }
  try {
    if (!fstatSync(fd).isFile()) return 0;
    const bytes = Buffer.alloc(READ_BYTES_MAX);
    const text = bytes.toString("latin1", 0, readSync(fd, bytes));
    return Number(/^\s*(\d{1,10})\s*$/.exec(text)?.[1] ?? 0);
  } finally {
    closeSync(fd);
  }
}

function unwritable(path: string, error: unknown): UserError {
  return new UserError(
    `can't write serve.pid_file ${path}: ${sentenceOf(error)}; set it to a place that can be written`,
  );
}
