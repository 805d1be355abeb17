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

  /** It keeps its connections and answers nobody, as a machine that swaps or a network that is cut. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  async cli(...words: readonly string[]): Promise<string> {
    return (await Bun.$`redis-cli -p ${this.port} ${words}`.quiet().nothrow().text()).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#folder[Symbol.asyncDispose]();
  }
}
