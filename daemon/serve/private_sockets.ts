/** The unix socket that each serve child listens on beside the public port, so that the edge can choose its child. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ChildSocket } from "../../shared/process/child_socket.ts";

const NAME = /^serve-(\d+)-\d+\.sock$/;

/** Those of one supervisor's children. */
export class PrivateSockets<Child extends { slot: number }> {
  readonly #paths = new Map<Child, string>();
  #dir: string;
  #made = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Makes them in this folder from now on, and removes from it what supervisors left behind that were killed. */
  moveTo(dir: string): void {
    this.#dir = dir;
    for (const name of readdirSync(dir)) {
      const pid = Number(NAME.exec(name)?.[1]);
      if (pid && !isAlive(pid)) rmSync(join(dir, name), { force: true });
    }
  }

  /** A path no other child has: several sites may share one folder, and a new child starts before its old one leaves. */
  newPath(): string {
    return join(this.#dir, `serve-${process.pid}-${++this.#made}.sock`);
  }

  add(child: Child, path: string): void {
    this.#paths.set(child, path);
  }

  of(children: readonly Child[]): ChildSocket[] {
    return children.flatMap((child) => {
      const path = this.#paths.get(child);
      return path === undefined ? [] : [{ slot: child.slot, path }];
    });
  }

  /** False when it had none. */
  remove(child: Child): boolean {
    const path = this.#paths.get(child);
    if (path !== undefined) rmSync(path, { force: true });
    return this.#paths.delete(child);
  }

  removeAll(): void {
    for (const path of this.#paths.values()) rmSync(path, { force: true });
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
