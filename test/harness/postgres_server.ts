import { chownSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Folder } from "./folder.ts";
import { freePort } from "./free_port.ts";
import { until } from "./until.ts";

/** Who runs it when we are root, which PostgreSQL refuses to be. */
const ACCOUNT = "postgres";

/**
 * A real PostgreSQL of its own: `await using postgres = await PostgresServer.start()`. Trusts everybody on loopback;
 * without fsync, yet it survives kill() as a process may die.
 */
export class PostgresServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: Folder;
  readonly #account: { uid: number; gid: number } | undefined;
  #process: Bun.Subprocess | undefined;

  private constructor(port: number, folder: Folder, account: { uid: number; gid: number } | undefined) {
    this.port = port;
    this.#folder = folder;
    this.#account = account;
  }

  static async start(): Promise<PostgresServer> {
    const folder = await Folder.make();
    const account = process.getuid?.() === 0 ? accountOf(ACCOUNT) : undefined;
    if (account) chownSync(folder.path, account.uid, account.gid);
    const server = new PostgresServer(await freePort(), folder, account);
    try {
      const made = server.#spawn("initdb", ["-D", server.#data, "-U", ACCOUNT, "-A", "trust", "--no-sync"]);
      if ((await made.exited) !== 0) throw new Error("initdb failed");
      await server.start();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  get url(): string {
    return `postgres://${ACCOUNT}@127.0.0.1:${this.port}/postgres`;
  }

  get #data(): string {
    return join(this.#folder.path, "data");
  }

  async start(): Promise<void> {
    const settings = [
      "fsync=off",
      "listen_addresses=127.0.0.1",
      `unix_socket_directories=${this.#folder.path}`,
    ];
    const words = [
      "-D",
      this.#data,
      "-p",
      String(this.port),
      ...settings.flatMap((setting) => ["-c", setting]),
    ];
    this.#process = this.#spawn("postgres", words);
    await until(() => this.psql("SELECT 1").then((answer) => answer === "1"), "PostgreSQL answers");
  }

  /** kill -9 of the postmaster; its other processes notice. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.exited;
  }

  /** Immediate shutdown, as after a crash, with all its processes (postgresql.org/docs, Shutting Down the Server). */
  async stop(): Promise<void> {
    this.#process?.kill("SIGQUIT");
    await this.#process?.exited;
  }

  /** The answer as bare text. */
  async psql(statement: string, user = ACCOUNT): Promise<string> {
    const place = ["-h", "127.0.0.1", "-p", String(this.port), "-U", user, "-d", "postgres"];
    return (await Bun.$`psql -X -q -t -A ${place} -c ${statement}`.quiet().nothrow().text()).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#folder[Symbol.asyncDispose]();
  }

  #spawn(program: string, words: readonly string[]): Bun.Subprocess {
    return Bun.spawn([programPath(program), ...words], {
      cwd: this.#folder.path,
      stdio: ["ignore", "ignore", "ignore"],
      ...this.#account,
    });
  }
}

/** Debian keeps the server's programs out of PATH. */
function programPath(program: string): string {
  const found = Bun.which(program);
  if (found) return found;
  const root = "/usr/lib/postgresql";
  const [latest = ""] = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  return join(root, latest, "bin", program);
}

function accountOf(name: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(Bun.spawnSync(["id", flag, name]).stdout.toString());
  return { uid: id("-u"), gid: id("-g") };
}
