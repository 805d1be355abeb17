import { accessSync, constants, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { sentenceOf, UserError } from "../user_error.ts";
import { nameOfProcess, SUPERVISOR_NAME } from "./process_name.ts";

/** The file that tells others which process the supervisor is. */
export class PidFile {
  #path: string;

  /** "" is no file. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Throws a UserError when it can't be written, or names another supervisor that lives, unless we succeed that one.
   * One that a killed process left behind is no obstacle, also when another program has its number now.
   */
  check(succeeding: boolean): void {
    if (this.#path === "") return;
    try {
      accessSync(dirname(this.#path), constants.W_OK);
    } catch (error) {
      throw unwritable(this.#path, error);
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
    const beside = `${this.#path}.${process.pid}`;
    try {
      writeFileSync(beside, `${process.pid}\n`, { mode: 0o644 });
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

/** 0 when there is none, or no number in it. */
function pidIn(path: string): number {
  try {
    return Number(/^\s*(\d{1,10})\s*$/.exec(readFileSync(path, "utf8"))?.[1] ?? 0);
  } catch (error) {
    if (error instanceof Error && "code" in error) return 0;
    throw error;
  }
}

function unwritable(path: string, error: unknown): UserError {
  return new UserError(
    `can't write serve.pid_file ${path}: ${sentenceOf(error)}; set it to a place that can be written`,
  );
}
