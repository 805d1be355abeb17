import { freePort } from "../harness/free_port.ts";
import { Trivet, type TrivetOptions } from "../harness/trivet.ts";

export interface AppSiteStatus {
  children: { kind: string; pid: number; state: string; startedAtMs: number; restarts: number }[];
  modes: { serve: { listen: string[]; ready: number } };
}

export interface AppSiteOptions extends Pick<TrivetOptions, "args" | "env"> {
  files: Record<string, string>;
  /** Lines of [serve] on top of the address and one worker. */
  serve?: string;
  /** Lines of [proxy]. */
  proxy?: string;
  /** Sections behind [serve]. */
  config?: string;
}

/** A running app server, alone or behind an edge: `await using site = await AppSite.start({ files: { "app.ts": … } })`. */
export class AppSite implements AsyncDisposable {
  readonly trivet: Trivet;
  /** Of the app itself. */
  readonly port: number;
  /** Of the edge before it; 0 without one. */
  readonly edgePort: number;

  private constructor(trivet: Trivet, port: number, edgePort: number) {
    this.trivet = trivet;
    this.port = port;
    this.edgePort = edgePort;
  }

  /** The app server alone. */
  static start({ files, serve = "", config = "", ...rest }: AppSiteOptions): Promise<AppSite> {
    return AppSite.#start("serve", `${serveSection(serve)}${config}`, 0, files, rest);
  }

  /** With an edge, under one supervisor. */
  static async up({ files, serve = "", proxy = "", config = "", ...rest }: AppSiteOptions): Promise<AppSite> {
    const port = await freePort();
    const edge = `[[proxy.listen]]\naddress = "127.0.0.1:${port}"\n[proxy]\nworkers = 1\naccess_log = "off"\n${proxy}\n`;
    return AppSite.#start("up", `${edge}${serveSection(serve)}${config}`, port, files, rest);
  }

  get path(): string {
    return this.trivet.folder.path;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get edgeUrl(): string {
    return `http://127.0.0.1:${this.edgePort}`;
  }

  write(name: string, text: string): Promise<string> {
    return this.trivet.folder.write(name, text);
  }

  async status(): Promise<AppSiteStatus> {
    return (await (await this.trivet.admin("/status")).json()) as AppSiteStatus;
  }

  async children(): Promise<AppSiteStatus["children"]> {
    return (await this.status()).children.filter(({ kind }) => kind === "serve");
  }

  /** The value of one metric without labels. */
  async metric(name: string): Promise<number> {
    const text = await (await this.trivet.admin("/metrics")).text();
    return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.trivet[Symbol.asyncDispose]();
  }

  static async #start(
    mode: "serve" | "up",
    config: string,
    edgePort: number,
    files: Record<string, string>,
    rest: Pick<TrivetOptions, "args" | "env">,
  ): Promise<AppSite> {
    const trivet = await Trivet.start({ mode, config, files, ...rest });
    const site = new AppSite(trivet, 0, edgePort);
    const [address = ""] = (await site.status()).modes.serve.listen;
    return new AppSite(trivet, Number(address.split(":").at(-1)), edgePort);
  }
}

function serveSection(lines: string): string {
  return `[serve]\nlisten = "127.0.0.1:0"\n${/^workers =/m.test(lines) ? "" : "workers = 1\n"}${lines}\n`;
}
