import { readFileSync } from "node:fs";
import { join } from "node:path";
import { trivetBinary } from "./binary.ts";
import { type CommandResult, runTrivet } from "./command.ts";
import { Folder } from "./folder.ts";
import { until } from "./until.ts";

const OUTPUT_CHARS_MAX = 16 * 1024 * 1024;
/** Only what is broken takes this long to start or to end, on a busy machine too. */
const PATIENCE_MS = 60_000;
const ANSWER_MS = 20_000;

export interface TrivetOptions {
  mode: "up" | "proxy" | "serve" | "worker";
  /** After `trivet MODE -c trivet.toml`. */
  args?: readonly string[];
  /** The text of trivet.toml. Without an [admin] section, admin sockets go to the folder and HTTP is off. */
  config?: string;
  /** Name → content, written beside trivet.toml. */
  files?: Readonly<Record<string, string | Uint8Array>>;
  /** admin.dir of `config`, absolute, where it has an [admin] section. */
  adminDir?: string;
  env?: Record<string, string | undefined>;
  /** The limit of open files of each process; the machine's when absent. */
  descriptors?: number;
  /** A file of `files` that it finds as /etc/hosts; names are resolved anew when the file is written. */
  hosts?: string;
  /** Handed over as 3, 4, … the way systemd does; `env` has the other variables. */
  listenFds?: readonly number[];
  /** "health": the admin socket says OK. "started": only that the process runs. */
  ready?: "health" | "started";
  readyTimeoutMs?: number;
}

/** A running supervisor in a folder of its own: `await using site = await Trivet.start({ mode: "up", … })`. */
export class Trivet implements AsyncDisposable {
  readonly folder: Folder;
  readonly #mode: TrivetOptions["mode"];
  readonly #adminDir: string;
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #output = { stdout: "", stderr: "" };
  readonly #read: Promise<unknown>;

  private constructor(options: TrivetOptions, folder: Folder) {
    this.folder = folder;
    this.#mode = options.mode;
    this.#adminDir = options.adminDir ?? join(folder.path, "run");
    const command = [trivetBinary(), options.mode, "-c", "trivet.toml", ...(options.args ?? [])];
    const { descriptors, hosts, listenFds = [] } = options;
    const before = [
      ...(hosts ? [`mount --bind "$PWD/${hosts}" /etc/hosts`] : []),
      ...(descriptors ? [`ulimit -n ${descriptors}`] : []),
      ...(listenFds.length > 0 ? [`export LISTEN_PID=$$ LISTEN_FDS=${listenFds.length}`] : []),
    ];
    const prepared =
      before.length > 0 ? ["sh", "-c", `${before.join("; ")}; exec "$0" "$@"`, ...command] : command;
    const alone = options.hosts ? ["unshare", "--mount", "--propagation", "private"] : [];
    this.#process = Bun.spawn([...alone, ...prepared], {
      cwd: folder.path,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe", ...listenFds],
    });
    this.#read = Promise.all([this.#collect("stdout"), this.#collect("stderr")]);
  }

  /** Throws with what the process said when it ends, or is not ready in time. */
  static async start(options: TrivetOptions): Promise<Trivet> {
    const folder = await Folder.make(options.files);
    await folder.write("trivet.toml", withAdmin(options.config ?? ""));
    const site = new Trivet(options, folder);
    try {
      if (options.ready !== "started") await site.#becomeReady(options.readyTimeoutMs ?? PATIENCE_MS);
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
    return site;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get stdout(): string {
    return this.#output.stdout;
  }

  get stderr(): string {
    return this.#output.stderr;
  }

  /** The exit code; undefined while it runs. A signal counts as 128 and its number. */
  get code(): number | undefined {
    return this.#process.exitCode ?? undefined;
  }

  /** A GET on the admin socket. */
  admin(path: string): Promise<Response> {
    const unix = join(this.#adminDir, `${this.#mode}.sock`);
    // A kept connection would lead to the supervisor before, after an upgrade.
    return fetch(`http://trivet${path}`, { unix, keepalive: false, signal: AbortSignal.timeout(ANSWER_MS) });
  }

  /** `trivet ARGS` in the same folder, with the same config. */
  run(args: readonly string[]): Promise<CommandResult> {
    return runTrivet(args, { cwd: this.folder.path });
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  async exited(timeoutMs = PATIENCE_MS): Promise<number> {
    await until(
      () => this.#process.exitCode !== null || this.#process.signalCode !== null,
      `${this.#mode} ends`,
      timeoutMs,
    );
    await this.#read;
    return this.#process.exited;
  }

  /** TERM; KILL when it has not ended after `deadlineMs`. The exit code. */
  async stop(deadlineMs = PATIENCE_MS): Promise<number> {
    this.signal("SIGTERM");
    const late = setTimeout(() => this.signal("SIGKILL"), deadlineMs);
    const code = await this.#process.exited;
    clearTimeout(late);
    await this.#read;
    return code;
  }

  /** Its children as the kernel knows them: pid and command line. */
  async children(): Promise<{ pid: number; command: string }[]> {
    const listed = await Bun.file(`/proc/${this.pid}/task/${this.pid}/children`).text();
    const pids = listed.split(" ").filter(Boolean).map(Number);
    return pids.map((pid) => ({ pid, command: commandOf(pid) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Its children go with it: the kernel kills them when their parent dies.
    this.signal("SIGKILL");
    await this.#process.exited;
    await this.#read;
    await this.folder[Symbol.asyncDispose]();
  }

  async #becomeReady(timeoutMs: number): Promise<void> {
    const ended = () => this.#process.exitCode !== null || this.#process.signalCode !== null;
    await until(
      async () => ended() || (await this.admin("/health")).ok,
      `${this.#mode} is ready; ${this.stderr}`,
      timeoutMs,
    );
    if (!ended()) return;
    await this.#read;
    throw new Error(
      `trivet ${this.#mode} ended with code ${this.#process.exitCode}: ${this.stderr}${this.stdout}`,
    );
  }

  async #collect(name: "stdout" | "stderr"): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#process[name]) {
      this.#output[name] = (this.#output[name] + decoder.decode(chunk, { stream: true })).slice(
        -OUTPUT_CHARS_MAX,
      );
    }
  }
}

/** "" when it is gone. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch (error) {
    if (error instanceof Error && "code" in error) return "";
    throw error;
  }
}

function withAdmin(config: string): string {
  return /^\s*\[admin\]/m.test(config) ? config : `${config}\n[admin]\ndir = "run"\nhttp = ""\n`;
}
