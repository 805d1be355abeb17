/** An HTTP server behind the edge that counts what it is asked: `await using a = Origin.start("a")`. */
export class Origin implements AsyncDisposable {
  readonly name: string;
  /** Requests answered, health checks not counted. */
  hits = 0;
  checks = 0;
  /** What health checks get. */
  healthy = true;
  readonly #server: Bun.Server<undefined>;

  private constructor(name: string, fetch: OriginFetch, port: number, hostname: string) {
    this.name = name;
    this.#server = Bun.serve({
      hostname,
      port,
      idleTimeout: 0,
      development: false,
      fetch: (request) => {
        if (new URL(request.url).pathname !== "/healthz") {
          this.hits++;
          return fetch(request);
        }
        this.checks++;
        return new Response(this.healthy ? "OK" : "ill", { status: this.healthy ? 200 : 500 });
      },
    });
  }

  /** Answers with its name unless `fetch` says otherwise. /healthz is the origin's own. */
  static start(
    name: string,
    fetch: OriginFetch = () => new Response(name),
    port = 0,
    hostname = "127.0.0.1",
  ): Origin {
    return new Origin(name, fetch, port, hostname);
  }

  get port(): number {
    return Number(this.#server.port);
  }

  get address(): string {
    return `${this.#server.hostname}:${this.port}`;
  }

  /** Closes the listener and every connection at once. */
  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

export type OriginFetch = (request: Request) => Response | Promise<Response>;
