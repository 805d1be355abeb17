import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { UserError } from "../../shared/user_error.ts";
import { answers } from "./probe.ts";
import { treeOf } from "./process_tree.ts";

const START_TIMEOUT_MS = 15_000;
const POLL_MS = 20;
/** Below the ephemeral range, so that no client's port can take one meanwhile. */
const PORTS = { first: 20_000, last: 31_999 };

export interface Running {
  name: string;
  pid: number;
  port: number;
}

/** A folder and the processes that work in it. All of it goes with close(), also on a signal. */
export class Rig implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), "trivet-bench-"));
  readonly #log = join(this.dir, "output.log");
  readonly #children: Subprocess[] = [];
  readonly #given = new Set<number>();

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => {
        this.close();
        process.exit(1);
      });
    }
  }

  write(name: string, content: string | Uint8Array): string {
    const path = join(this.dir, name);
    writeFileSync(path, content);
    return path;
  }

  /** Starts a program that writes to the log of the rig. */
  start(words: readonly string[], core?: number, cwd = this.dir): Subprocess {
    const log = openSync(this.#log, "a");
    return this.#keep(Bun.spawn(pinned(words, core), { cwd, env: process.env, stdio: ["ignore", log, log] }));
  }

  /** Starts a program whose standard output is wanted. */
  pipe(words: readonly string[], core?: number, cwd = this.dir): Subprocess<"ignore", "pipe", "inherit"> {
    return this.#keep(
      Bun.spawn(pinned(words, core), {
        cwd,
        env: process.env,
        stdio: ["ignore", "pipe", "inherit"],
      }),
    );
  }

  /** Starts a script of this folder that talks with us by messages. */
  talk(
    script: string,
    words: readonly string[],
    onMessage: (message: unknown) => void,
  ): Subprocess<"ignore", "inherit", "inherit"> {
    return this.#keep(
      Bun.spawn([process.execPath, script, ...words], {
        stdio: ["ignore", "inherit", "inherit"],
        ipc: onMessage,
      }),
    );
  }

  /** Waits until what listens on the port answers a GET with 200. */
  async ready(name: string, child: Subprocess, port: number): Promise<Running> {
    for (const startMs = Date.now(); Date.now() - startMs < START_TIMEOUT_MS; await Bun.sleep(POLL_MS)) {
      if (child.exitCode !== null || child.signalCode !== null) break;
      if (await answers(port)) return { name, pid: child.pid, port };
    }
    throw new UserError(`${name} did not start: ${readFileSync(this.#log, "utf8").slice(-2000).trim()}`);
  }

  freePort(): number {
    for (;;) {
      const port = PORTS.first + Math.floor(Math.random() * (PORTS.last - PORTS.first));
      if (this.#given.has(port) || !isFree(port)) continue;
      this.#given.add(port);
      return port;
    }
  }

  stop({ pid: root }: { pid: number }): void {
    // Collected first: a killed parent's children are no longer in its tree.
    for (const pid of treeOf(root)) kill(pid);
  }

  close(): void {
    for (const child of this.#children.splice(0).reverse()) {
      if (child.exitCode === null && child.signalCode === null) this.stop(child);
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #keep<T extends Subprocess>(child: T): T {
    this.#children.push(child);
    return child;
  }
}

function pinned(words: readonly string[], core?: number): string[] {
  return core === undefined ? [...words] : ["taskset", "-c", String(core), ...words];
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } }).stop(true);
    return true;
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
