import { addressOf, libc } from "../process/libc.ts";
import { advice, broken, type Diagnosis, well } from "./diagnosis.ts";

/** struct timex on 64-bit Linux: modes, then status behind three longs and padding (adjtimex(2)). */
const TIMEX_BYTES = 208;
const STATUS_AT = 40;
const STA_UNSYNC = 0x40;
/** More than this is seen in jobs and sessions. */
const APART_MS = 1000;
/** A default lease: beyond it nodes disagree on who holds a job. */
const FAR_APART_MS = 30_000;

/** Whether the kernel says that something keeps its clock right; undefined when it does not say. */
export function clockIsKept(): boolean | undefined {
  const timex = new Uint8Array(TIMEX_BYTES);
  // modes 0 only reads; -1 is a refusal.
  if (libc().adjtimex(addressOf(timex)) < 0) return undefined;
  return (new DataView(timex.buffer).getInt32(STATUS_AT, true) & STA_UNSYNC) === 0;
}

export function checkClock(kept: boolean | undefined): Diagnosis[] {
  if (kept === undefined) return [];
  if (kept) return [well("clock", "is kept right")];
  return [
    advice(
      "clock",
      "nothing keeps it right, or not yet",
      "nodes drift apart: delayed jobs, cron, sessions and log lines are off by as much",
      "apt install systemd-timesyncd, then timedatectl set-ntp true",
    ),
  ];
}

/** `apartMs`: the other clock minus ours. */
export function checkClockApart(who: string, apartMs: number): Diagnosis {
  const name = "clock of Redis";
  const seconds = (Math.abs(apartMs) / 1000).toFixed(1);
  const saw = `${who} is ${seconds} s ${apartMs < 0 ? "behind" : "ahead of"} this node`;
  const why = "jobs come due that much too early or too late, and leases are misjudged";
  const change = "timedatectl set-ntp true on both machines";
  if (Math.abs(apartMs) > FAR_APART_MS) return broken(name, saw, why, change);
  if (Math.abs(apartMs) > APART_MS) return advice(name, saw, why, change);
  return well(name, `${who} and this node agree within ${APART_MS / 1000} s`);
}
