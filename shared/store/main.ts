/** The store of one supervisor: where it is, the process it needs, whether it can be used. */
import { accessSync, constants, existsSync, readdirSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Fleet } from "../process/fleet.ts";
import { knownIdentity } from "../process/identity.ts";
import type { Mode } from "../process/mode.ts";
import { letPass } from "../process/run_dir.ts";
import type { Site } from "../process/site.ts";
import { UserError } from "../user_error.ts";
import type { StoreBoot } from "./child.ts";
import { checkRedis } from "./redis_connection.ts";
import type { StoreAddress } from "./store_address.ts";
import { readStoreNotice, type StoreNotice } from "./store_notice.ts";

const BOOT_WAIT_MS = 10_000;
const DRAIN_WAIT_MS = 10_000;
const SOCKET_NAME = /^store-(\d+)\.sock$/;

/** Where this supervisor and its children find the store. */
export function storeAddress(site: Site): StoreAddress {
  const { url, prefix } = site.config.store;
  if (!url.startsWith("sqlite:")) return { kind: "redis", url, prefix };
  return {
    kind: "sqlite",
    path: pathOf(url, site.dir),
    socket: join(site.runDir, `store-${process.pid}.sock`),
  };
}

/** The same for a short command that opens the file itself. */
export function ownStoreAddress(site: Pick<Site, "config" | "dir">): StoreAddress {
  const { url, prefix } = site.config.store;
  return url.startsWith("sqlite:")
    ? { kind: "sqlite", path: pathOf(url, site.dir), socket: "" }
    : { kind: "redis", url, prefix };
}

/** Throws a UserError with one sentence when the store can't be used now. */
export async function checkStore(address: StoreAddress): Promise<void> {
  if (address.kind === "redis") await checkRedis(address.url);
  else checkFile(address.path);
}

/** The process that alone opens the SQLite file; undefined for Redis, which every process reaches by itself. */
export function storeMode(site: Site): Mode | undefined {
  const address = storeAddress(site);
  if (address.kind !== "sqlite") return undefined;
  const { path, socket } = address;
  // It stays what we are, so that the file can lie anywhere; only those who run the user's code must reach it.
  const owner = knownIdentity("serve", site.config.serve);
  let trouble: string | null = null;
  const fleet = new Fleet<StoreBoot, never, StoreNotice>({
    kind: "store",
    title: () => basename(path),
    slots: 1,
    deadlines: () => ({ bootMs: BOOT_WAIT_MS, drainMs: DRAIN_WAIT_MS }),
    boot: () => ({ path, socket, owner }),
    read: readStoreNotice,
    onMessage: (_child, notice) => {
      trouble = notice.trouble;
    },
    onGone: () => {
      trouble = null;
    },
  });
  return {
    name: "store",
    async start() {
      checkFile(path);
      removeStaleSockets(site.runDir);
      if (owner) letPass(site.runDir);
      await fleet.start();
    },
    children: () => fleet.status(),
    status: async () => ({ path, ...(trouble && { trouble }) }),
    samples: () => fleet.samples(),
    settle: () => fleet.settle(),
    complaint: () => fleet.complaint() ?? trouble ?? undefined,
    async drain() {
      await fleet.drain(DRAIN_WAIT_MS);
      removeIfThere(socket);
    },
    async kill(others) {
      await others;
      fleet.kill();
      removeIfThere(socket);
    },
  };
}

function pathOf(url: string, dir: string): string {
  const path = url.slice("sqlite:".length).replace(/^\/\/(?=\/)/, "");
  return path.startsWith("/") ? path : join(dir, path);
}

/** Before anything starts: the file itself is made at the first write. */
function checkFile(path: string): void {
  const needed = existsSync(path) ? [path, dirname(path)] : [dirname(path)];
  for (const place of needed) {
    try {
      accessSync(place, constants.R_OK | constants.W_OK);
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
      const reason = missing ? `there is no folder ${place}` : `${place} can't be written`;
      throw new UserError(`can't use the store ${path}: ${reason}; set store.url to another place`, 1, {
        cause: error,
      });
    }
  }
}

/** A supervisor that was killed leaves its socket behind. */
function removeStaleSockets(runDir: string): void {
  for (const name of readdirSync(runDir)) {
    const pid = SOCKET_NAME.exec(name)?.[1];
    if (pid && !existsSync(`/proc/${pid}`)) removeIfThere(join(runDir, name));
  }
}

function removeIfThere(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
