import { expect } from "bun:test";
import { freePort } from "./free_port.ts";
import { Load, type LoadOptions } from "./load.ts";
import { Trivet } from "./trivet.ts";
import { until } from "./until.ts";

const APP = `export default {
  async fetch(request) {
    if (request.url.endsWith("/slow")) await Bun.sleep(300);
    return new Response(String(process.pid));
  } };`;

interface ChildRow {
  kind: string;
  pid: number;
  state: string;
}

/** An app server on a port of its own, with an app that answers its process's id. */
export class ServeSite implements AsyncDisposable {
  readonly trivet: Trivet;
  readonly port: number;
  readonly #workers: number;
  /** Of supervisors that took over. */
  readonly #successors = new Set<number>();

  private constructor(trivet: Trivet, port: number, workers: number) {
    this.trivet = trivet;
    this.port = port;
    this.#workers = workers;
  }

  static async start(workers = 2, keys = ""): Promise<ServeSite> {
    const port = await freePort();
    const config = configOf(port, workers, keys);
    return new ServeSite(
      await Trivet.start({ mode: "serve", config, files: { "app.ts": APP } }),
      port,
      workers,
    );
  }

  /** Other keys of [serve], for the next reload. */
  async configure(keys: string): Promise<void> {
    const text = `${configOf(this.port, this.#workers, keys)}[admin]\ndir = "run"\nhttp = ""\n`;
    await this.trivet.folder.write("trivet.toml", text);
  }

  /** Clients of every kind that must not notice. */
  loads(port: number, options: Partial<LoadOptions> = {}): Load[] {
    return [
      Load.start({ ...options, port, keepAlive: 6 }),
      Load.start({ ...options, port, fresh: 6 }),
      Load.start({ ...options, port, keepAlive: 2, path: "/slow" }),
    ];
  }

  static async expectNothingLost(loads: readonly Load[]): Promise<void> {
    for (const load of loads) {
      const { ok, failed, stale, refused, reasons } = await load.stop();
      expect(ok).toBeGreaterThan(0);
      expect({ failed, stale, refused, reasons }).toEqual({ failed: 0, stale: 0, refused: 0, reasons: [] });
    }
  }

  /** The children that take requests. */
  async ready(): Promise<ChildRow[]> {
    const { children } = await this.#status();
    return children.filter(({ kind, state }) => kind === "serve" && state === "ready");
  }

  /** Has one child replaced by TERM. */
  async replaceOne(i: number): Promise<void> {
    const victim = (await this.ready())[i % this.#workers]?.pid ?? 0;
    process.kill(victim, "SIGTERM");
    await this.replaced(victim);
  }

  async replaced(victim: number): Promise<void> {
    await until(async () => {
      const pids = (await this.ready()).map(({ pid }) => pid);
      return pids.length === this.#workers && !pids.includes(victim);
    }, "another stands in its place");
  }

  /** The binary at its path takes over. */
  async upgrade(): Promise<void> {
    expect((await this.trivet.run(["upgrade"])).stderr).toBe("");
    const { pid } = await this.#status();
    this.#successors.add(pid);
  }

  async #status(): Promise<{ pid: number; children: ChildRow[] }> {
    const unix = `${this.trivet.folder.path}/run/serve.sock`;
    // A kept connection would lead to the supervisor before.
    const response = await fetch("http://trivet/status", { unix, keepalive: false });
    return (await response.json()) as { pid: number; children: ChildRow[] };
  }

  /** How many connections may wait at each socket of the port; ss(8) shows it for listeners as Send-Q. */
  async backlogs(): Promise<number[]> {
    const { stdout } = Bun.spawnSync(["ss", "-Hltn", `sport = :${this.port}`]);
    return stdout
      .toString()
      .trim()
      .split("\n")
      .map((line) => Number(line.split(/\s+/)[2]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.#successors) kill(pid);
    await this.trivet[Symbol.asyncDispose]();
  }
}

function configOf(port: number, workers: number, keys: string): string {
  return `[serve]\nlisten = "127.0.0.1:${port}"\nworkers = ${workers}\n${keys}\n`;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // It has left already.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
