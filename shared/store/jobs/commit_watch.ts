import type { Database } from "bun:sqlite";
import { type FSWatcher, watch } from "node:fs";
import { dataVersion } from "./sqlite_reads.ts";

/** The kernel tells of a write to the log before its commit can be seen: look again a little later, and once more. */
const LOOKS_MS = [1, 5, 25];
/** Should a file system not tell at all. */
const POLL_MS = 250;

/** Notices what other processes commit to a database that is open here; our own commits may count too. */
export class CommitWatch {
  readonly #db: Database;
  readonly #onCommit: () => void;
  readonly #poll: ReturnType<typeof setInterval>;
  #watcher: FSWatcher | undefined;
  #seen = 0;
  #looks = 0;

  constructor(db: Database, path: string, onCommit: () => void) {
    this.#db = db;
    this.#onCommit = onCommit;
    this.#poll = setInterval(() => this.#look(), POLL_MS);
    try {
      this.#watcher = watch(`${path}-wal`, () => this.#lookSoon());
    } catch {
      // No more watches to be had (inotify(7), max_user_watches): the poll does.
      this.#watcher = undefined;
    }
  }

  close(): void {
    clearInterval(this.#poll);
    this.#watcher?.close();
  }

  #lookSoon(): void {
    if (this.#looks > 0) return;
    this.#looks = LOOKS_MS.length;
    for (const afterMs of LOOKS_MS) {
      setTimeout(() => {
        this.#looks--;
        this.#look();
      }, afterMs);
    }
  }

  #look(): void {
    const version = dataVersion(this.#db);
    if (version === undefined || version === this.#seen) return;
    this.#seen = version;
    this.#onCommit();
  }
}
