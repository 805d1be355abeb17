/**
 * Notices when a file of the app is saved. Looked at by stat(2) again and again: that sees every way in which editors
 * save, files that come and go, and folders shared into containers, for which the kernel gives no notice.
 */
import { statSync } from "node:fs";
import { log } from "../../shared/log.ts";
import { sentenceOf } from "../../shared/user_error.ts";
import { sourceFiles } from "./source_files.ts";

const POLL_MS_MIN = 25;
const POLL_MS_MAX = 500;
/** A stat costs 2 µs: this keeps the cost under a hundredth of a core. */
const FILES_A_MS = 4;

type Stamps = Map<string, string>;

export class SourceWatch {
  readonly #entries: () => readonly string[];
  readonly #onSave: () => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /** `entries` is asked at each change; `onSave` may throw what is wrong with the code. */
  constructor(entries: () => readonly string[], onSave: () => Promise<void>) {
    this.#entries = entries;
    this.#onSave = onSave;
  }

  start(): void {
    const known = this.#look();
    log.warn({ files: known.size }, "watching the app's files: for development, not for production");
    this.#waitOn(known);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #look(): Stamps {
    return stampsOf(sourceFiles(this.#entries()).keys());
  }

  #waitOn(known: Stamps): void {
    if (this.#stopped) return;
    const pollMs = Math.min(POLL_MS_MAX, Math.max(POLL_MS_MIN, known.size / FILES_A_MS));
    this.#timer = setTimeout(() => {
      const now = stampsOf(known.keys());
      if (same(now, known)) this.#waitOn(known);
      else this.#settle(now, pollMs);
    }, pollMs);
  }

  /** A save may take several steps: it is over when nothing moves any more. */
  #settle(before: Stamps, pollMs: number): void {
    this.#timer = setTimeout(() => {
      const now = stampsOf(before.keys());
      if (same(now, before)) void this.#tell();
      else this.#settle(now, pollMs);
    }, pollMs);
  }

  async #tell(): Promise<void> {
    // Before the code is loaded: what is saved meanwhile is noticed afterwards.
    const known = this.#look();
    try {
      await this.#onSave();
    } catch (error) {
      log.error(sentenceOf(error));
    }
    this.#waitOn(known);
  }
}

/** "" for what is not there. */
function stampsOf(paths: Iterable<string>): Stamps {
  const stamps: Stamps = new Map();
  for (const path of paths) {
    const stat = statSync(path, { throwIfNoEntry: false });
    stamps.set(path, stat ? `${stat.ino} ${stat.size} ${stat.mtimeMs}` : "");
  }
  return stamps;
}

function same(a: Stamps, b: Stamps): boolean {
  for (const [path, stamp] of a) if (b.get(path) !== stamp) return false;
  return true;
}
