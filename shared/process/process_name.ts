import { readFileSync, writeFileSync } from "node:fs";

/** The longest name the kernel keeps (proc(5), /proc/pid/comm). */
const NAME_CHARS = 15;
/** Of every supervisor, whatever its file is called. */
export const SUPERVISOR_NAME = "trivet";

/** What top and `ps -o comm` show of this process. */
export function nameProcess(name: string): void {
  writeFileSync("/proc/self/comm", name.slice(0, NAME_CHARS));
}

/** "" when there is no such process, or it has ended and only waits for its parent to ask how. */
export function nameOfProcess(pid: number): string {
  try {
    // proc(5): the state stands behind the name, whose own parentheses count for nothing.
    if (/\) [ZX] [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, "utf8"))) return "";
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch (error) {
    if (error instanceof Error && "code" in error) return "";
    throw error;
  }
}
