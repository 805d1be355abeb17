import { advice, type Diagnosis, well } from "./diagnosis.ts";
import type { ReadText } from "./kernel_limits.ts";

/** What the kernel of the machine that Redis runs on should be told; redis.io, administration. */
export function checkRedisMachine(read: ReadText): Diagnosis[] {
  return [...checkOvercommit(read), ...checkHugePages(read)];
}

function checkOvercommit(read: ReadText): Diagnosis[] {
  const value = read("/proc/sys/vm/overcommit_memory")?.trim();
  const name = "vm.overcommit_memory";
  if (value === undefined) return [];
  if (value === "1") return [well(name, "is 1")];
  return [
    advice(
      name,
      `is ${value}`,
      "Redis forks to save; the kernel may refuse that although there is memory, and then Redis refuses writes",
      `sysctl -w ${name}=1`,
    ),
  ];
}

function checkHugePages(read: ReadText): Diagnosis[] {
  const path = "/sys/kernel/mm/transparent_hugepage/enabled";
  const chosen = /\[(\w+)\]/.exec(read(path) ?? "")?.[1];
  const name = "transparent huge pages";
  if (chosen === undefined) return [];
  if (chosen !== "always") return [well(name, `are ${chosen}`)];
  return [
    advice(
      name,
      "are always on",
      "each save copies memory in large pieces: Redis answers late and takes more of it",
      `echo madvise > ${path}, and transparent_hugepage=madvise on the kernel's command line`,
    ),
  ];
}
