import { readFileSync, writeFileSync } from "node:fs";

/** The longest name the kernel keeps (proc(5), /proc/pid/comm). */
const NAME_CHARS = 15;
/** Of every supervisor, whatever its file is called. */
export const SUPERVISOR_NAME = "trivet";

/** What top and `ps -o comm` show of this process. */
export function nameProcess(name: string): void {
  writeFileSync("/proc/self/comm", name.slice(0, NAME_CHARS));
}

/** "" when there is no such process. */
export function nameOfProcess(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch (error) {
    if (error instanceof Error && "code" in error) return "";
    throw error;
  }
}
