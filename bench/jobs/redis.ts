import { join } from "node:path";
import { until } from "../../test/harness/until.ts";
import type { Rig } from "../rig/rig.ts";

/** A redis-server for one contender, with appendonly everysec. */
export class BenchRedis {
  readonly port: number;
  readonly pid: number;

  private constructor(port: number, pid: number) {
    this.port = port;
    this.pid = pid;
  }

  static async start(rig: Rig): Promise<BenchRedis> {
    const port = rig.freePort();
    const files = ["--dir", rig.dir, "--appendfilename", `${port}.aof`, "--appenddirname", `aof-${port}`];
    const settings = [
      "--save",
      "",
      "--appendonly",
      "yes",
      "--appendfsync",
      "everysec",
      "--bind",
      "127.0.0.1",
    ];
    // Rewriting the log is work of neither contender.
    const quiet = ["--auto-aof-rewrite-percentage", "0", "--logfile", join(rig.dir, `${port}.log`)];
    const server = rig.start(["redis-server", "--port", String(port), ...files, ...settings, ...quiet]);
    const redis = new BenchRedis(port, server.pid);
    await until(async () => (await redis.ask("PING")) === "PONG", "redis-server answers");
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async ask(...words: readonly string[]): Promise<string> {
    return (await Bun.$`redis-cli -p ${this.port} ${words}`.quiet().text()).trim();
  }

  async usedBytes(): Promise<number> {
    return Number(/^used_memory:(\d+)/m.exec(await this.ask("INFO", "memory"))?.[1] ?? 0);
  }
}
