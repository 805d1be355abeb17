import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Folder } from "../harness/folder.ts";

const BLOCK_BYTES = 64 * 1024;

/** A file system of its own that can be filled (tmpfs; needs root or sudo without a question). */
export class SmallDisk implements AsyncDisposable {
  readonly #folder: Folder;

  private constructor(folder: Folder) {
    this.#folder = folder;
  }

  static async mount(bytes: number): Promise<SmallDisk> {
    const folder = await Folder.make();
    try {
      await asRoot("mount", "-t", "tmpfs", "-o", `size=${bytes},mode=0777`, "tmpfs", folder.path);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
    return new SmallDisk(folder);
  }

  get path(): string {
    return this.#folder.path;
  }

  /** Until not a byte is left. */
  async fill(): Promise<void> {
    const block = Buffer.alloc(BLOCK_BYTES, 1);
    for (let size = BLOCK_BYTES; size >= 1; ) {
      try {
        await writeFile(this.#ballast, block.subarray(0, size), { flag: "a" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
        size = Math.floor(size / 2);
      }
    }
  }

  async makeRoom(): Promise<void> {
    await rm(this.#ballast);
  }

  /** Nothing may be open in it. */
  async becomeReadOnly(): Promise<void> {
    await asRoot("mount", "-o", "remount,ro", this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Lazily: who still has a file open there ends soon.
    await asRoot("umount", "-l", this.path);
    await this.#folder[Symbol.asyncDispose]();
  }

  get #ballast(): string {
    return join(this.path, "ballast");
  }
}

async function asRoot(...words: readonly string[]): Promise<void> {
  const command = process.getuid?.() === 0 ? words : ["sudo", "-n", ...words];
  const run = Bun.spawn([...command], { stdio: ["ignore", "ignore", "pipe"] });
  const said = await new Response(run.stderr).text();
  if ((await run.exited) !== 0) throw new Error(`${command.join(" ")}: ${said}`);
}
