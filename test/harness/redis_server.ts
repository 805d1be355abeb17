import { readdir, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { Folder } from "./folder.ts";
import { freePort } from "./free_port.ts";
import { until } from "./until.ts";

/** A real redis-server of its own: `await using redis = await RedisServer.start()`. It keeps its data over restart(). */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: Folder;
  #process: Bun.Subprocess | undefined;

  private constructor(port: number, folder: Folder) {
    this.port = port;
    this.#folder = folder;
  }

  static async start(): Promise<RedisServer> {
    const redis = new RedisServer(await freePort(), await Folder.make());
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Every write is on disk before it is acknowledged, so that kill() loses nothing. */
  async start(): Promise<void> {
    const settings = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#folder.path];
    const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    this.#process = Bun.spawn(["redis-server", ...settings, ...durable], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    await until(() => this.cli("PING").then((answer) => answer === "PONG"), "redis-server answers");
  }

  /** kill -9 */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.exited;
  }

  /** How much it has written down so far: where losePower() can take it back to. */
  async writtenBytes(): Promise<number> {
    return (await stat(await this.#appendFile())).size;
  }

  /** Dies as if the power were cut before its disk had what came after so many bytes, and starts again. */
  async losePower(bytesLeft: number): Promise<void> {
    await this.kill();
    await truncate(await this.#appendFile(), bytesLeft);
    await this.start();
  }

  /** It keeps its connections and answers nobody, as a machine that swaps or a network that is cut. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  /** The one that grows (redis.conf, appenddirname). */
  async #appendFile(): Promise<string> {
    const folder = join(this.#folder.path, "appendonlydir");
    const names = (await readdir(folder)).filter((name) => name.endsWith(".incr.aof"));
    const newest = names.sort((a, b) => a.localeCompare(b, undefined, { numeric: true })).at(-1);
    return join(folder, newest ?? "");
  }

  async cli(...words: readonly string[]): Promise<string> {
    return (await Bun.$`redis-cli -p ${this.port} ${words}`.quiet().nothrow().text()).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#folder[Symbol.asyncDispose]();
  }
}
