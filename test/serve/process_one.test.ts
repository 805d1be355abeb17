/** As process 1 of a container, which all orphans in it come to. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { trivetBinary } from "../harness/binary.ts";
import { runTrivet } from "../harness/command.ts";
import { Folder } from "../harness/folder.ts";
import { freePort } from "../harness/free_port.ts";
import { until } from "../harness/until.ts";

const ORPHANS = 20;
const APP = `import { spawn } from "node:child_process";
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/orphans") for (let i = 0; i < ${ORPHANS}; i++) {
      spawn("sh", ["-c", "(sleep 0.05; touch orphan-" + i + "; exit 3) & exit 0"], { stdio: "ignore" });
    }
    if (pathname === "/crash") setTimeout(() => process.exit(7), 1);
    return new Response(String(process.pid));
  },
};`;

interface Row {
  pid: number;
  state: string;
  parent: number;
}

/** Processes as the kernel has them (proc(5), /proc/pid/stat). */
function processes(): Row[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = existsSync(`/proc/${name}/stat`) ? read(`/proc/${name}/stat`) : "";
      const [state = "", parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return [{ pid: Number(name), state, parent: Number(parent) }];
    });
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // It has ended meanwhile.
    if (error instanceof Error && "code" in error) return "";
    throw error;
  }
}

test("orphans are asked how they ended, our own children keep their exit codes, and nobody takes over", async () => {
  const port = await freePort();
  await using folder = await Folder.make({
    "app.ts": APP,
    "trivet.toml": `[serve]\nlisten = "127.0.0.1:${port}"\nworkers = 2\n[admin]\ndir = "run"\nhttp = ""\n`,
  });
  // Not as root only where the kernel lets users have namespaces.
  const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const namespace = ["unshare", ...user, "--pid", "--fork", "--mount-proc", "--kill-child"];
  const container = Bun.spawn([...namespace, trivetBinary(), "serve"], {
    cwd: folder.path,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  const reading = (async () => {
    for await (const chunk of container.stderr) said += Buffer.from(chunk).toString();
  })();
  try {
    const ask = async (path: string) =>
      (await fetch(`http://127.0.0.1:${port}${path}`, { keepalive: false })).text();
    await until(() => ask("/"), "it is ready");
    const first = processes().find(({ parent }) => parent === container.pid)?.pid ?? 0;
    expect(first).toBeGreaterThan(0);

    const crashes = () => said.match(/"msg":"the serve process \d+ ended with code 7"/g)?.length ?? 0;
    for (let round = 1; round <= 2; round++) {
      await ask("/orphans");
      await ask("/crash");
      await until(() => crashes() === round, `its own exit code was told: ${said}`);
      await until(() => ask("/"), "it is back");
    }
    const orphans = () => readdirSync(folder.path).filter((name) => name.startsWith("orphan-")).length;
    await until(() => orphans() === ORPHANS, "they were there");
    const ended = () => processes().filter(({ parent, state }) => parent === first && state === "Z");
    await until(() => ended().length === 0, "nobody is left who has ended");

    const { code, stderr } = await runTrivet(["upgrade"], { cwd: folder.path });
    expect(stderr.trim()).toMatch(
      /^this is process 1 of its container, .* start a container of the new version/,
    );
    expect(code).toBe(1);
    expect(await ask("/")).toMatch(/^\d+$/);
    expect(existsSync(join(folder.path, "run/serve.sock"))).toBe(true);

    process.kill(first, "SIGTERM");
    expect(await container.exited).toBe(0);
  } finally {
    container.kill("SIGKILL");
    await container.exited;
    await reading;
  }
}, 120_000);
