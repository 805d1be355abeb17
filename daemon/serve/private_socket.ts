/** The unix socket that each serve child listens on beside the public port, so that the edge can choose its child. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const NAME = /^serve-(\d+)-\d+\.sock$/;

let made = 0;

/** A path no other child has: several sites may share one folder, and a new child starts before its old one leaves. */
export function newSocketPath(runDir: string): string {
  return join(runDir, `serve-${process.pid}-${++made}.sock`);
}

/** Removes what supervisors left behind that were killed. */
export function removeStaleSockets(runDir: string): void {
  for (const name of readdirSync(runDir)) {
    const pid = Number(NAME.exec(name)?.[1]);
    if (pid && !isAlive(pid)) rmSync(join(runDir, name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
