/** Whether the kernel has killed for want of memory: a SIGKILL does not say who sent it. */
import { readFileSync } from "node:fs";

/** Of our own control group where there is one (kernel.org, cgroup-v2, memory.events), else of the whole machine. */
function killsSoFar(): number {
  const group = /^0::(.*)$/m.exec(textOf("/proc/self/cgroup"))?.[1];
  const own = group === undefined ? undefined : countIn(textOf(`/sys/fs/cgroup${group}/memory.events`));
  return own ?? countIn(textOf("/proc/vmstat")) ?? 0;
}

/** The value of the line "oom_kill N"; undefined when there is none. */
export function countIn(text: string): number | undefined {
  const found = /^oom_kill (\d+)$/m.exec(text);
  return found ? Number(found[1]) : undefined;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Only a courtesy: without it the sentence about a death names the signal alone.
    return "";
  }
}

let known = killsSoFar();

/** Whether it has since the last call, or since we started. */
export function killedForMemory(): boolean {
  const before = known;
  known = killsSoFar();
  return known > before;
}
