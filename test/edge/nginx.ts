import { Folder } from "../harness/folder.ts";
import { freePort } from "../harness/free_port.ts";
import { RawConnection } from "../harness/raw_connection.ts";
import { until } from "../harness/until.ts";

/** A running nginx with one server: `await using nginx = await Nginx.start("location / { … }")`. */
export class Nginx implements AsyncDisposable {
  readonly port: number;
  readonly #folder: Folder;
  readonly #process: Bun.Subprocess<"ignore", "ignore", "pipe">;

  private constructor(port: number, folder: Folder) {
    this.port = port;
    this.#folder = folder;
    this.#process = Bun.spawn(["/usr/sbin/nginx", "-p", folder.path, "-c", "nginx.conf", "-e", "stderr"], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
  }

  /** `server`: directives of its server block. Throws when it does not accept in time. */
  static async start(server: string): Promise<Nginx> {
    const port = await freePort();
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `${name}_temp_path ${name};`)
      .join("\n");
    const config = `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr crit;
events {}
http {
  access_log off;
  default_type text/plain;
  ${paths}
  server {
    listen 127.0.0.1:${port};
    ${server}
  }
}
`;
    const folder = await Folder.make({ "nginx.conf": config });
    const nginx = new Nginx(port, folder);
    try {
      await until(async () => {
        using _ = await RawConnection.open(port);
        return true;
      }, "nginx accepts");
    } catch (error) {
      nginx.#process.kill("SIGKILL");
      const said = await new Response(nginx.#process.stderr).text();
      await nginx[Symbol.asyncDispose]();
      throw new Error(said, { cause: error });
    }
    return nginx;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    await this.#folder[Symbol.asyncDispose]();
  }
}
