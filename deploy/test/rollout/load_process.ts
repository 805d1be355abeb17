import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { Readable } from "node:stream";
import type { Lab } from "./lab.ts";
import type { Tally } from "./tally.ts";

/** The load, in a process of its own on the lab's network. */
export class LoadProcess implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: Interface;

  constructor(lab: Lab, address: string) {
    const script = join(import.meta.dir, "load.ts");
    this.#process = Bun.spawn(lab.inside([process.execPath, script, address, "80"]), {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#lines = createInterface({ input: Readable.fromWeb(this.#process.stdout as never) });
  }

  /** What happened since the last look. */
  async look(): Promise<Tally> {
    const line = new Promise<string>((resolve) => this.#lines.once("line", resolve));
    await this.#say("look");
    return JSON.parse(await line) as Tally;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#say("end");
    const late = setTimeout(() => this.#process.kill("SIGKILL"), 5000);
    await this.#process.exited;
    clearTimeout(late);
    this.#lines.close();
  }

  async #say(word: string): Promise<void> {
    this.#process.stdin.write(`${word}\n`);
    await this.#process.stdin.flush();
  }
}
