import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "./shell.ts";

/** Or another release of Debian: TRIVET_ROLLOUT_SUITE=trixie has a systemd with Type=notify-reload. */
const SUITE = process.env["TRIVET_ROLLOUT_SUITE"] ?? "bookworm";
/** What the playbooks would install, so that no node needs the network. */
const PACKAGES = [
  ...["systemd", "systemd-sysv", "dbus", "libpam-systemd", "libnss-systemd", "openssh-server"],
  ...["python3", "python3-apt", "iproute2", "ca-certificates", "curl", "procps", "redis-server", "nftables"],
];

/** The root of a Debian, made once (about 2 minutes) and kept: nodes lay their changes over it. */
export async function baseRoot(): Promise<string> {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const root = join(cache, "trivet", `${SUITE}-1`);
  if (existsSync(root)) return root;
  console.error(`making ${root}: this takes two minutes, once`);
  const half = `${root}.half`;
  await rm(half, { recursive: true, force: true });
  await mkdir(dirname(root), { recursive: true });
  await run(["debootstrap", "--variant=minbase", `--include=${PACKAGES.join()}`, SUITE, half]);
  await rm(join(half, "var/cache/apt/archives"), { recursive: true, force: true });
  await rm(join(half, "var/lib/dbus/machine-id"), { force: true });
  await Bun.write(join(half, "etc/machine-id"), "");
  // Debian's own instance has the port of ours.
  await rm(join(half, "etc/systemd/system/multi-user.target.wants/redis-server.service"), { force: true });
  await rename(half, root);
  return root;
}

/** Why this machine can't run nodes; undefined when it can. */
export async function whyNot(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "only root can make namespaces and mounts here";
  for (const program of [
    "ip",
    "nft",
    "unshare",
    "systemd-nspawn",
    "debootstrap",
    "ansible-playbook",
    "ssh-keygen",
  ])
    if (!Bun.which(program)) return `the program ${program} is missing`;
  const tried = Bun.spawnSync([
    "unshare",
    "-mn",
    "--propagation",
    "private",
    "mount",
    "-t",
    "tmpfs",
    "t",
    "/mnt",
  ]);
  return tried.exitCode === 0 ? undefined : `no namespaces are to be had: ${tried.stderr.toString().trim()}`;
}
