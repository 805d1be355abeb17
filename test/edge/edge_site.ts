import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../harness/free_port.ts";
import { RawConnection } from "../harness/raw_connection.ts";
import type { RawResponse } from "../harness/raw_response.ts";
import { Trivet } from "../harness/trivet.ts";

const HOSTS = "hosts";

export interface EdgeOptions {
  /** The servers of the one backend, "a". */
  servers: readonly (string | { address: string; weight?: number; max_connections?: number })[];
  /** Lines of [proxy], as TOML. */
  proxy?: string;
  /** Lines of [backend.a]. */
  backend?: string;
  /** Further tables. Without a [[proxy.route]] among them everything goes to "a". */
  tables?: string;
  env?: Record<string, string>;
  /** What the edge finds in /etc/hosts; writeHosts() replaces it. */
  hosts?: string;
  /** The limit of open files of each process. */
  descriptors?: number;
}

/** A running edge: `await using edge = await EdgeSite.start({ servers: [origin.address] })`. */
export class EdgeSite implements AsyncDisposable {
  readonly port: number;
  readonly trivet: Trivet;

  private constructor(port: number, trivet: Trivet) {
    this.port = port;
    this.trivet = trivet;
  }

  static async start(options: EdgeOptions): Promise<EdgeSite> {
    const port = await freePort();
    const { env, descriptors, hosts } = options;
    const config = configOf(port, options);
    return new EdgeSite(
      port,
      await Trivet.start({
        mode: "proxy",
        config,
        ...(env ? { env } : {}),
        ...(descriptors ? { descriptors } : {}),
        ...(hosts === undefined ? {} : { hosts: HOSTS, files: { [HOSTS]: hosts } }),
      }),
    );
  }

  /** In place: the mount is of the file, not of its name. */
  writeHosts(text: string): void {
    writeFileSync(join(this.trivet.folder.path, HOSTS), text);
  }

  open(): Promise<RawConnection> {
    return RawConnection.open(this.port);
  }

  /** Whether nobody is accepted any more. */
  refuses(): Promise<boolean> {
    return this.open().then(
      (connection) => {
        connection[Symbol.dispose]();
        return false;
      },
      () => true,
    );
  }

  /** One request on a connection of its own; `fields` are whole lines. */
  async get(path = "/", host = "a.test", fields = ""): Promise<RawResponse> {
    using connection = await this.open();
    connection.send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${fields}\r\n`);
    return await connection.response();
  }

  async status(): Promise<EdgeStatus> {
    return (await (await this.trivet.admin("/status")).json()) as EdgeStatus;
  }

  /** "up" or "down" of one server of backend "a". */
  async stateOf(address: string): Promise<string | undefined> {
    const { backends } = (await this.status()).modes.proxy;
    return backends.find(({ name }) => name === "a")?.servers.find((server) => server.address === address)
      ?.state;
  }

  /** The access lines so far. */
  lines(text = this.trivet.stdout): Record<string, unknown>[] {
    const whole = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
    return whole.filter((line) => line !== "").map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async dataPlane(): Promise<number[]> {
    const { children } = await this.status();
    return children.filter(({ kind, state }) => kind === "proxy" && state === "ready").map(({ pid }) => pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.trivet[Symbol.asyncDispose]();
  }
}

export interface EdgeStatus {
  children: { kind: string; slot: number; pid: number; state: string; restarts: number }[];
  modes: {
    proxy: {
      listeners: { address: string; port: number }[];
      backends: { name: string; servers: { address: string; state: string; last?: { said: string } }[] }[];
    };
  };
}

export function configOf(
  port: number,
  { servers, proxy = "", backend = "", tables = "" }: EdgeOptions,
): string {
  const route = tables.includes("[[proxy.route]]") ? "" : '[[proxy.route]]\nbackend = "a"';
  return `
[proxy]
workers = 1
${proxy}
[[proxy.listen]]
address = "127.0.0.1:${port}"
${route}
[backend.a]
servers = [${servers.map(serverOf).join(", ")}]
${backend}
${tables}
`.replace(/^workers = 1\n(?=[\s\S]*^workers)/m, "");
}

function serverOf(server: EdgeOptions["servers"][number]): string {
  if (typeof server === "string") return JSON.stringify(server);
  return `{ ${Object.entries(server)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
    .join(", ")} }`;
}
