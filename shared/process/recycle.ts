/** Whether a child that works is to be replaced. */
import type { LeaveReason } from "./message.ts";

/** 0 is no limit. */
export interface RecycleLimits {
  memoryBytes: number;
  ageMs: number;
  /** Longest silence of a child whose heartbeat comes every second. */
  hangMs: number;
}

/** How a child is, as its supervisor sees it. */
export interface Vitals {
  /** What it asked for by itself; undefined when nothing. */
  asked: LeaveReason | undefined;
  memoryBytes: number;
  ageMs: number;
  silentMs: number;
}

export type RecycleReason = LeaveReason | "max_memory" | "max_age" | "hang";
export const RECYCLE_REASONS: readonly RecycleReason[] = [
  "max_requests",
  "max_memory",
  "max_age",
  "hang",
  "term",
  "fault",
];

/** `why` is for the log. */
export type Verdict = { action: "keep" } | { action: "replace" | "kill"; reason: RecycleReason; why: string };

const MIB = 1024 * 1024;

/** One that hangs can't finish anything, so it is killed; any other leaves when its replacement is ready. */
export function judge(vitals: Vitals, limits: RecycleLimits): Verdict {
  const { asked, memoryBytes, ageMs, silentMs } = vitals;
  if (limits.hangMs > 0 && silentMs >= limits.hangMs) {
    return { action: "kill", reason: "hang", why: `gave no sign of life for ${seconds(silentMs)}` };
  }
  if (asked === "term") return { action: "replace", reason: "term", why: "was sent TERM" };
  if (asked === "fault") {
    return { action: "replace", reason: "fault", why: "has run code that left something behind" };
  }
  if (asked === "max_requests") {
    return { action: "replace", reason: "max_requests", why: "has had its max_requests" };
  }
  if (limits.memoryBytes > 0 && memoryBytes > limits.memoryBytes) {
    const used = `${Math.round(memoryBytes / MIB)} MiB`;
    return { action: "replace", reason: "max_memory", why: `uses ${used}, more than max_memory` };
  }
  if (limits.ageMs > 0 && ageMs >= limits.ageMs) {
    return { action: "replace", reason: "max_age", why: `is ${seconds(ageMs)} old, its max_age` };
  }
  return { action: "keep" };
}

/** The requests one child may answer: `max` more or less by up to `jitter` of it, so that not all end together; 0: no limit. */
export function requestLimit(max: number, jitter: number, random: number): number {
  if (max === 0) return 0;
  return Math.max(1, Math.round(max * (1 + jitter * (2 * random - 1))));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
