import { readFileSync } from "node:fs";

/** Clock ticks of proc(5) are always a hundredth of a second on Linux (USER_HZ). */
const TICK_US = 10_000;

/** A process and all its descendants, parents first; [] when it is gone. */
export function treeOf(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`);
  if (children === undefined) return [];
  return [pid, ...children.split(" ").filter(Boolean).map(Number).flatMap(treeOf)];
}

/** User and system time of a process tree so far (proc(5), /proc/PID/stat fields 14 and 15). */
export function cpuUsOf(root: number): number {
  return treeOf(root).reduce((sum, pid) => sum + ticksOf(read(`/proc/${pid}/stat`) ?? "") * TICK_US, 0);
}

/** Proportional set size of a process tree: pages that several share count once. */
export function memoryOf(root: number): number {
  return treeOf(root).reduce((sum, pid) => sum + pssBytes(read(`/proc/${pid}/smaps_rollup`) ?? ""), 0);
}

function ticksOf(stat: string): number {
  // The second field is the program's name in parentheses, which may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
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
