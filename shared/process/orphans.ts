/**
 * Process 1 of a container becomes the parent of every process whose own parent has ended, and has to ask how each of them
 * ends: until then it stays in the process table (wait(2), "zombies"). Bun asks for those that it has started, by their
 * number; whoever asked for one of these first would take its exit code away. So we look before we ask.
 */
import { addressOf, libc } from "./libc.ts";

const P_ALL = 0;
const WNOHANG = 1;
const WEXITED = 4;
/** waitid(2): it can be asked for again. */
const WNOWAIT = 0x01000000;
/** siginfo_t of 64-bit Linux: three ints, aligned; then the process's number. */
const PID_AT = 16;
const SIGINFO_BYTES = 128;
/** Bun has asked for its own by then. */
const AGAIN_MS = 20;
/** In one turn of the event loop. */
const REAPED_MAX = 500;

/** Those that Bun asks for. */
const own = new Set<number>();
let again: ReturnType<typeof setTimeout> | undefined;

/** A process that we have started ourselves. */
export function keepForBun(pid: number): void {
  own.add(pid);
}

/** Bun has told how it ended. */
export function toldByBun(pid: number): void {
  own.delete(pid);
}

/** From now on, where we are process 1. */
export function reapOrphans(): void {
  if (process.pid !== 1) return;
  process.on("SIGCHLD", reap);
  reap();
}

function reap(): void {
  clearTimeout(again);
  for (let reaped = 0; reaped < REAPED_MAX; reaped++) {
    const pid = endedChild();
    if (pid === 0) return;
    // The others stand behind it: there is no way to look past the first.
    if (own.has(pid)) break;
    libc().waitpid(pid, null, WNOHANG);
  }
  again = setTimeout(reap, AGAIN_MS);
}

/** The first child that has ended and that nobody has asked for; 0: none. */
function endedChild(): number {
  const info = new DataView(new ArrayBuffer(SIGINFO_BYTES));
  const code = libc().waitid(P_ALL, 0, addressOf(info), WEXITED | WNOHANG | WNOWAIT);
  return code === 0 ? info.getInt32(PID_AT, true) : 0;
}
