import { readFileSync } from "node:fs";

/**
 * Bytes of a process in memory, as ps and top show them (VmRSS, proc(5)): our program text counts too, although all
 * children share it. 0 when the process is gone.
 */
export function residentBytes(pid: number): number {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kib ?? 0) * 1024;
  } catch (error) {
    if (error instanceof Error && "code" in error) return 0;
    throw error;
  }
}
