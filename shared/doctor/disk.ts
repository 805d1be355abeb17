import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { advice, broken, type Diagnosis, well } from "./diagnosis.ts";

const MIB = 1024 ** 2;
const FREE_BYTES_MIN = 100 * MIB;
const FREE_BYTES_GOOD = 1024 * MIB;
const INODES_MIN = 1000;
/** linux/magic.h */
const NETWORK = new Map([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"],
  [0x65735546, "FUSE"],
]);
const TMPFS = 0x01021994;

export interface DiskRoom {
  freeBytes: number;
  /** 0 of 0 where the file system makes inodes as it needs them. */
  inodesFree: number;
  inodes: number;
  kind: number;
}

/** Of the file system that a file is or will be on; undefined when its folder is not there. */
export async function roomFor(file: string): Promise<DiskRoom | undefined> {
  try {
    const { bavail, bsize, ffree, files, type } = await statfs(dirname(file));
    return { freeBytes: bavail * bsize, inodesFree: ffree, inodes: files, kind: type };
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

/** `durable`: what is in the file must outlive a restart of the machine, and is shared by memory between processes. */
export function checkDisk(file: string, room: DiskRoom | undefined, durable: boolean): Diagnosis[] {
  const name = `disk of ${file}`;
  if (!room) {
    const saw = "its folder is not there or can't be entered";
    return [broken(name, saw, "nothing can be written", `mkdir -p ${dirname(file)}`)];
  }
  return [checkRoom(name, file, room), ...(durable ? checkKind(name, room) : [])];
}

function checkRoom(name: string, file: string, { freeBytes, inodesFree, inodes }: DiskRoom): Diagnosis {
  const saw = `${Math.floor(freeBytes / MIB)} MiB are free`;
  const why = "when the disk is full, jobs can't be enqueued and log lines are dropped";
  const change = `du -xh ${dirname(file)} | sort -h | tail shows what fills it; make it larger or tidy up`;
  if (inodes > 0 && inodesFree < INODES_MIN)
    return broken(name, `${inodesFree} inodes are free`, why, change);
  if (freeBytes < FREE_BYTES_MIN) return broken(name, saw, why, change);
  if (freeBytes < FREE_BYTES_GOOD) return advice(name, saw, why, change);
  return well(name, saw);
}

function checkKind(name: string, { kind }: DiskRoom): Diagnosis[] {
  const network = NETWORK.get(kind);
  if (network)
    return [
      broken(
        name,
        `it is on ${network}`,
        "SQLite's log needs memory that processes share: it damages its file over a network",
        "set store.url to a file on a local disk, or to Redis",
      ),
    ];
  if (kind !== TMPFS) return [];
  const change = "set store.url to a file on a real disk, or to Redis";
  return [advice(name, "it is in memory (tmpfs)", "all jobs are gone when the machine restarts", change)];
}
