/** What [serve] means for the processes. */
import { availableParallelism } from "node:os";
import type { ServeConfig } from "../../shared/config/schema.ts";
import { listenerNames } from "../../shared/process/listener_set.ts";
import type { RecycleLimits } from "../../shared/process/recycle.ts";

/** While code is watched, streams and WebSockets must soon reach the new code. */
const WATCH_DRAIN_MS = 1_000;
/** A save is not looked at while another is loaded: code that hangs must not keep its mending waiting. */
const WATCH_BOOT_MS = 10_000;

export function addressesOf({ listen }: Pick<ServeConfig, "listen">): string[] {
  return listenerNames([listen].flat());
}

/** How many processes. One while code is watched: the sooner it is replaced. */
export function slotsOf({ workers, watch }: Pick<ServeConfig, "workers" | "watch">): number {
  if (watch) return 1;
  return workers === "auto" ? availableParallelism() : workers;
}

export function deadlinesOf({
  boot_timeout: bootMs,
  drain_timeout: drainMs,
  watch,
}: Pick<ServeConfig, "boot_timeout" | "drain_timeout" | "watch">) {
  if (!watch) return { bootMs, drainMs };
  return { bootMs: Math.min(bootMs, WATCH_BOOT_MS), drainMs: Math.min(drainMs, WATCH_DRAIN_MS) };
}

export function recycleLimitsOf({
  max_memory: memoryBytes,
  max_age: ageMs,
  hang_timeout: hangMs,
}: Pick<ServeConfig, "max_memory" | "max_age" | "hang_timeout">): RecycleLimits {
  return { memoryBytes, ageMs, hangMs };
}
