import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";

const START_WAIT_MS = 10_000;

export interface TestRedis {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Again on the same port and data. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

export interface TestRedisOptions {
  /** Every write is on the disk before its answer. */
  appendOnly?: boolean;
}

/** A real redis-server on a free port with its data in a folder of its own. */
export async function startRedis({ appendOnly = false }: TestRedisOptions = {}): Promise<TestRedis> {
  const dir = mkdtempSync(join(tmpdir(), "trivet-redis-"));
  const port = await freePort();
  let server = await launch(port, dir, appendOnly);
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return server.pid;
    },
    async kill() {
      server.kill("SIGKILL");
      await server.exited;
    },
    async restart() {
      server = await launch(port, dir, appendOnly);
    },
    async stop() {
      server.kill("SIGKILL");
      await server.exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function launch(port: number, dir: string, appendOnly: boolean): Promise<Subprocess> {
  const server = Bun.spawn(
    [
      ...["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", ""],
      ...["--appendonly", appendOnly ? "yes" : "no", "--appendfsync", "always", "--enable-debug-command", "yes"],
    ],
    // It dies with the test run, also when that is killed.
    { stdout: "ignore", stderr: "ignore", env: { ...process.env, BUN_FEATURE_FLAG_NO_ORPHANS: "1" } },
  );
  const endMs = performance.now() + START_WAIT_MS;
  while (!(await answersPing(port))) {
    if (server.exitCode !== null) throw new Error(`redis-server ended with code ${server.exitCode}`);
    if (performance.now() > endMs) throw new Error(`redis-server on port ${port} does not answer`);
    await Bun.sleep(10);
  }
  return server;
}

/** Whether it answers PONG: not while it is still loading. */
function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => void socket.write("PING\r\n"),
        data(socket, chunk) {
          resolve(chunk.toString().startsWith("+PONG"));
          socket.end();
        },
        close: () => resolve(false),
        connectError: () => resolve(false),
        error: () => resolve(false),
      },
    }).catch(() => resolve(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
