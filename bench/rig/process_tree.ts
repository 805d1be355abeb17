import { readFileSync } from "node:fs";
import { addressOf, libc } from "../../shared/process/libc.ts";

/** CPUCLOCK_SCHED of the kernel's posix-timers.h: the time that all threads ran, also those that have ended. */
const CPU_CLOCK = 2;
const S_US = 1e6;
const US_NS = 1e3;

/** A process and all its descendants, parents first; [] when it is gone. */
export function treeOf(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`);
  if (children === undefined) return [];
  return [pid, ...children.split(" ").filter(Boolean).map(Number).flatMap(treeOf)];
}

/** User and system time of a process tree so far. Not that of proc(5), which counts in hundredths of a second. */
export function cpuUsOf(root: number): number {
  return treeOf(root).reduce((sum, pid) => sum + ownCpuUs(pid), 0);
}

/** Proportional set size of a process tree: pages that several share count once. */
export function memoryOf(root: number): number {
  return treeOf(root).reduce((sum, pid) => sum + pssBytes(read(`/proc/${pid}/smaps_rollup`) ?? ""), 0);
}

/** 0 when the process has ended meanwhile. The clock of a process has a number made of its id (clock_getcpuclockid(3)). */
function ownCpuUs(pid: number): number {
  const time = new BigInt64Array(2);
  if (libc().clock_gettime((~pid << 3) | CPU_CLOCK, addressOf(time)) !== 0) return 0;
  const [seconds = 0n, nanoseconds = 0n] = time;
  return Number(seconds) * S_US + Number(nanoseconds) / US_NS;
}

function pssBytes(rollup: string): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
}

/** undefined when the process has ended meanwhile. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
