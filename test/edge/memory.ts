import { readFileSync } from "node:fs";

/** What a process holds for itself, in bytes: without the pages of its binary. */
export function ownMemory(pid: number): number {
  const kib = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (!kib) throw new Error(`process ${pid} says nothing of its memory`);
  return Number(kib) * 1024;
}
