import { expect } from "bun:test";
import { freePort } from "./free_port.ts";
import { Load, type LoadOptions } from "./load.ts";
import { Trivet } from "./trivet.ts";
import { until } from "./until.ts";

const APP = `import { existsSync } from "node:fs";
if (existsSync("broken")) throw new Error("broken today");
export default {
  async fetch(request, server) {
    if (request.url.endsWith("/stop")) void server.stop();
    if (request.url.endsWith("/spin")) for (;;);
    if (request.url.endsWith("/slow")) await Bun.sleep(300);
    return new Response(String(process.pid));
  } };`;

interface ChildRow {
  kind: string;
  pid: number;
  state: string;
}

export interface ServeSiteOptions {
  workers?: number;
  /** Further keys of [serve]. */
  keys?: string;
  /** With an edge before it, under the same `trivet up`. */
  edge?: boolean;
}

/** An app server on a port of its own, with an app that answers its process's id. */
export class ServeSite implements AsyncDisposable {
  readonly trivet: Trivet;
  /** Of the app server itself. */
  readonly port: number;
  /** Of the edge before it; 0 for none. */
  readonly edgePort: number;
  readonly #workers: number;
  /** Of supervisors that took over. */
  readonly #successors = new Set<number>();

  private constructor(trivet: Trivet, ports: { port: number; edgePort: number }, workers: number) {
    this.trivet = trivet;
    this.port = ports.port;
    this.edgePort = ports.edgePort;
    this.#workers = workers;
  }

  static async start({ workers = 2, keys = "", edge = false }: ServeSiteOptions = {}): Promise<ServeSite> {
    const ports = { port: await freePort(), edgePort: edge ? await freePort() : 0 };
    const config = configOf(ports, workers, keys);
    const mode = edge ? "up" : "serve";
    return new ServeSite(await Trivet.start({ mode, config, files: { "app.ts": APP } }), ports, workers);
  }

  /** What the next reload reads. */
  async configure({ port = this.port, workers = this.#workers, keys = "" }): Promise<void> {
    const { edgePort } = this;
    const text = `${configOf({ port, edgePort }, workers, keys)}[admin]\ndir = "run"\nhttp = ""\n`;
    await this.trivet.folder.write("trivet.toml", text);
  }

  /** Clients of every kind that must not notice. */
  loads(port: number, options: Partial<LoadOptions> = {}): Load[] {
    return [
      Load.start({ ...options, port, keepAlive: 4 }),
      Load.start({ ...options, port, fresh: 3 }),
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
    const unix = `${this.trivet.folder.path}/run/${this.edgePort ? "up" : "serve"}.sock`;
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

function configOf(
  { port, edgePort }: { port: number; edgePort: number },
  workers: number,
  keys: string,
): string {
  const serve = `[serve]\nlisten = "127.0.0.1:${port}"\nworkers = ${workers}\n${keys}\n`;
  return edgePort ? `${serve}${edgeOf(edgePort)}` : serve;
}

/** Without retries, so that nothing that the app server loses is made good. */
function edgeOf(port: number): string {
  return `[proxy]
workers = 2
access_log = "off"
listen = [{ address = "127.0.0.1:${port}" }]
[[proxy.route]]
backend = "app"
[backend.app]
servers = ["serve:"]
retries = 0
`;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // It has left already.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
