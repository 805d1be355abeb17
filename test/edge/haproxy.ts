import { existsSync } from "node:fs";
import { Folder } from "../harness/folder.ts";
import { RawConnection } from "../harness/raw_connection.ts";
import { until } from "../harness/until.ts";

/** A running HAProxy that logs to its stdout: `await using haproxy = await HaProxy.start(port, config)`. */
export class HaProxy implements AsyncDisposable {
  readonly port: number;
  stdout = "";
  readonly #folder: Folder;
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #read: Promise<void>;

  private constructor(port: number, folder: Folder) {
    this.port = port;
    this.#folder = folder;
    this.#process = Bun.spawn([program("haproxy"), "-db", "-f", "haproxy.cfg"], {
      cwd: folder.path,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#read = this.#collect();
  }

  /** Throws when it does not accept in time. */
  static async start(port: number, config: string): Promise<HaProxy> {
    const folder = await Folder.make({ "haproxy.cfg": config });
    const haproxy = new HaProxy(port, folder);
    try {
      await until(async () => {
        using _ = await RawConnection.open(port);
        return true;
      }, "HAProxy accepts");
    } catch (error) {
      const said = await new Response(haproxy.#process.stderr).text();
      await haproxy[Symbol.asyncDispose]();
      throw new Error(said, { cause: error });
    }
    return haproxy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    await this.#read;
    await this.#folder[Symbol.asyncDispose]();
  }

  async #collect(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stdout) this.stdout += decoder.decode(chunk, { stream: true });
  }
}

/** What HAProxy's own log reader says of raw httplog lines. */
export async function halog(lines: readonly string[], ...options: string[]): Promise<string> {
  // Fields are counted as if a syslog header stood before them; there is none.
  const reader = Bun.spawn([program("halog"), "-s", "-4", ...options], {
    stdin: Buffer.from(`${lines.join("\n")}\n`),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [said, complaints] = await Promise.all([
    new Response(reader.stdout).text(),
    new Response(reader.stderr).text(),
  ]);
  await reader.exited;
  return said + complaints;
}

/** Debian has them where only root's PATH leads. */
function program(name: string): string {
  return [`/usr/sbin/${name}`, `/usr/bin/${name}`].find((path) => existsSync(path)) ?? name;
}
