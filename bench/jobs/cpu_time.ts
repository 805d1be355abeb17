import { readdirSync, readFileSync } from "node:fs";
import { treeOf } from "../rig/process_tree.ts";

/** Time on a processor of process trees so far, to the nanosecond (proc(5), /proc/PID/task/TID/schedstat). */
export function cpuTimeUs(...roots: readonly number[]): number {
  const tasks = roots.flatMap(treeOf).flatMap(tasksOf);
  return tasks.reduce((sum, file) => sum + Number(readText(file).split(" ")[0] ?? 0) / 1000, 0);
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((tid) => `/proc/${pid}/task/${tid}/schedstat`);
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "0";
  }
}
