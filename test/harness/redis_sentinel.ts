import { Folder } from "./folder.ts";
import { freePort } from "./free_port.ts";
import { RedisServer } from "./redis_server.ts";
import { until } from "./until.ts";

const NAME = "main";

/**
 * How soon a primary that is silent counts as dead. "patient": never within a test, also when it is held up on a busy
 * machine.
 */
const DOWN_MS = { quick: 2_000, patient: 600_000 };

/** A real primary with replicas, watched by a sentinel. */
export class RedisSentinel implements AsyncDisposable {
  readonly servers: readonly RedisServer[];
  readonly #port: number;
  readonly #folder: Folder;
  #process: Bun.Subprocess | undefined;

  private constructor(servers: readonly RedisServer[], port: number, folder: Folder) {
    this.servers = servers;
    this.#port = port;
    this.#folder = folder;
  }

  static async start(replicas: number, decides: keyof typeof DOWN_MS = "quick"): Promise<RedisSentinel> {
    const primary = await RedisServer.start();
    const servers = [primary];
    for (let i = 0; i < replicas; i++) {
      const replica = await RedisServer.start();
      await replica.cli("REPLICAOF", "127.0.0.1", String(primary.port));
      servers.push(replica);
    }
    const sentinel = new RedisSentinel(servers, await freePort(), await Folder.make());
    try {
      await sentinel.#watch(primary, DOWN_MS[decides]);
    } catch (error) {
      await sentinel[Symbol.asyncDispose]();
      throw error;
    }
    return sentinel;
  }

  get url(): string {
    return `redis+sentinel://127.0.0.1:${this.#port}/${NAME}`;
  }

  /** Whom the sentinel takes for the primary. */
  async primary(): Promise<RedisServer | undefined> {
    const [, port] = (await this.#cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)).split("\n");
    return this.servers.find((server) => server.port === Number(port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.exited;
    for (const server of this.servers) await server[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }

  async #watch(primary: RedisServer, downMs: number): Promise<void> {
    const config = await this.#folder.write(
      "sentinel.conf",
      [
        `port ${this.#port}`,
        "bind 127.0.0.1",
        `dir ${this.#folder.path}`,
        `sentinel monitor ${NAME} 127.0.0.1 ${primary.port} 1`,
        `sentinel down-after-milliseconds ${NAME} ${downMs}`,
        `sentinel failover-timeout ${NAME} 20000`,
      ].join("\n"),
    );
    this.#process = Bun.spawn(["redis-server", config, "--sentinel"], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    const replicas = this.servers.length - 1;
    await until(
      async () => (await this.#cli("SENTINEL", "MASTER", NAME)).includes(`num-slaves\n${replicas}\n`),
      "the sentinel knows the replicas",
      60_000,
    );
    await until(
      async () => (await primary.cli("INFO", "replication")).split("state=online").length === replicas + 1,
      "the replicas follow",
    );
  }

  async #cli(...words: readonly string[]): Promise<string> {
    return (await Bun.$`redis-cli -p ${this.#port} ${words}`.quiet().nothrow().text()).trim();
  }
}
