import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

/** What SQLite writes to its log for one job that an idle worker waits for: seven pages and their heads. */
const COMMIT_BYTES = 7 * (4096 + 24);

/** Milliseconds that fsync takes after each of so many small writes to the end of a file, with pauses as between jobs. */
export async function fsyncTimes(dir: string, times: number): Promise<number[]> {
  const file = openSync(join(dir, "fsync"), "a");
  const bytes = new Uint8Array(COMMIT_BYTES).fill(1);
  const ms: number[] = [];
  for (let i = 0; i < times; i++) {
    writeSync(file, bytes);
    const startedMs = performance.now();
    fsyncSync(file);
    ms.push(performance.now() - startedMs);
    await Bun.sleep(4 + Math.random() * 8);
  }
  closeSync(file);
  return ms;
}
