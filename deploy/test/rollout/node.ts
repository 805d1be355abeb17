import { existsSync } from "node:fs";
import { mkdir, readdir, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Subprocess } from "bun";
import { until } from "../../../test/harness/until.ts";
import type { Lab } from "./lab.ts";
import { type Attempt, attempt, run } from "./shell.ts";

const BOOT_MS = 60_000;
/** Runs until the machine is turned off; 133 is how systemd-nspawn says that it wants to start again. */
const BOOT = `
umount -R /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup && mkdir -p "/sys/fs/cgroup/$CGROUP" && echo $$ >"/sys/fs/cgroup/$CGROUP/cgroup.procs"
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
while :; do
  systemd-nspawn -q -b -D "$ROOT" --machine="$NAME" --network-namespace-path="/run/netns/$NETNS" --register=no --keep-unit \
    --console=pipe --capability=CAP_NET_ADMIN,CAP_BPF,CAP_PERFMON "--system-call-filter=bpf @keyring"
  [ $? = 133 ] || break
done`;

/** A machine: systemd as its process 1, its own network, disk and ssh. */
export class Node {
  readonly name: string;
  readonly address: string;
  readonly #lab: Lab;
  readonly #netns: string;
  readonly #folder: string;
  #process: Subprocess | undefined;

  constructor(lab: Lab, name: string, address: string) {
    this.#lab = lab;
    this.name = name;
    this.address = address;
    this.#netns = `${lab.namespace}-${name}`;
    this.#folder = join(lab.folder, name);
  }

  async boot(base: string, files: Record<string, string | Blob> = {}): Promise<void> {
    await this.#connect();
    const [up, work, root] = ["up", "wk", "root"].map((part) => join(this.#folder, part));
    for (const folder of [up, work, root]) await mkdir(folder ?? "", { recursive: true });
    await run([
      "mount",
      "-t",
      "overlay",
      "o",
      "-o",
      `lowerdir=${base},upperdir=${up},workdir=${work}`,
      root ?? "",
    ]);
    await this.#prepare(root ?? "");
    for (const [path, content] of Object.entries(files)) await Bun.write(join(root ?? "", path), content);
    this.#process = Bun.spawn(["unshare", "-m", "--propagation", "private", "bash", "-c", BOOT], {
      stdio: ["ignore", Bun.file(join(this.#folder, "console")), Bun.file(join(this.#folder, "errors"))],
      env: { ...process.env, CGROUP: this.#netns, ROOT: root ?? "", NAME: this.name, NETNS: this.#netns },
    });
    await this.up();
  }

  /** Resolves when it can be worked with by ssh. */
  async up(): Promise<void> {
    const answers = async () =>
      (await this.ssh("systemctl is-system-running --wait || true", 5000)).code === 0;
    await until(answers, `${this.name} answers by ssh`, BOOT_MS);
  }

  ssh(command: string, timeoutMs = 60_000): Promise<Attempt> {
    const options = [
      "StrictHostKeyChecking=no",
      "UserKnownHostsFile=/dev/null",
      "LogLevel=ERROR",
      "ConnectTimeout=2",
    ];
    const flags = options.flatMap((option) => ["-o", option]);
    const key = ["-i", join(this.#lab.folder, "key")];
    return attempt(this.#lab.inside(["ssh", ...key, ...flags, `root@${this.address}`, command]), {
      timeoutMs,
    });
  }

  async plug(state: "up" | "down"): Promise<void> {
    await run(["ip", "-n", this.#lab.namespace, "link", "set", `v-${this.name}`, state]);
  }

  /** As if its plug were pulled; nothing of it is left. */
  async destroy(): Promise<void> {
    const nspawn = await childrenOf(this.#process?.pid);
    const machines = (await Promise.all(nspawn.map(childrenOf))).flat();
    // Without its process 1 a machine is gone, and then systemd-nspawn ends; a restart loop must go first.
    this.#process?.kill("SIGKILL");
    for (const pid of [...machines, ...nspawn]) kill(pid);
    await this.#process?.exited;
    const unmounted = async () => (await attempt(["umount", join(this.#folder, "root")])).code !== 16;
    await until(unmounted, `${this.name} lets its disk go`);
    await attempt(["ip", "netns", "del", this.#netns]);
    await rm(this.#folder, { recursive: true, force: true });
    for (const top of ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]) {
      const path = join(top, this.#netns);
      // Its last processes may still be on their way out.
      const removed = async () => {
        await removeCgroup(path);
        return !existsSync(path);
      };
      await until(removed, `${path} is empty`).catch(() => undefined);
    }
  }

  async #connect(): Promise<void> {
    const { namespace } = this.#lab;
    await run(["ip", "netns", "add", this.#netns]);
    const inLab = ["ip", "-n", namespace];
    const inNode = ["ip", "-n", this.#netns];
    const link = `v-${this.name}`;
    await run([
      ...inLab,
      ..."link add".split(" "),
      link,
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      this.#netns,
    ]);
    await run([...inLab, "link", "set", link, "master", "br0", "up"]);
    await run([...inNode, "addr", "add", `${this.address}/24`, "dev", "eth0"]);
    await run([...inNode, "link", "set", "eth0", "up"]);
    await run([...inNode, "link", "set", "lo", "up"]);
  }

  async #prepare(root: string): Promise<void> {
    // Names that can't be looked up hold sudo and fact gathering up for seconds.
    await Bun.write(join(root, "etc/hosts"), `127.0.0.1 localhost\n${this.address} ${this.name}\n`);
    await Bun.write(join(root, "etc/hostname"), `${this.name}\n`);
    const keys = join(root, "root/.ssh/authorized_keys");
    await mkdir(dirname(keys), { recursive: true, mode: 0o700 });
    await Bun.write(keys, Bun.file(join(this.#lab.folder, "key.pub")));
    // The network is there when the machine starts.
    for (const unit of ["systemd-networkd-wait-online.service", "systemd-resolved.service"])
      await attempt(["ln", "-sf", "/dev/null", join(root, "etc/systemd/system", unit)]);
  }
}

async function childrenOf(pid: number | undefined): Promise<number[]> {
  if (pid === undefined) return [];
  try {
    return (await Bun.file(`/proc/${pid}/task/${pid}/children`).text())
      .split(" ")
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function removeCgroup(path: string): Promise<void> {
  try {
    for (const entry of await readdir(path, { withFileTypes: true }))
      if (entry.isDirectory()) await removeCgroup(join(path, entry.name));
    await rmdir(path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
  }
}
