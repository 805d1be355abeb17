/**
 * The unix socket on which each serve child answers beside the public port, so that the edge can choose its child. We make
 * them, in a folder of ours: whoever could put another file there would say what the edge connects to.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ChildSocket } from "../../shared/process/child_socket.ts";
import { openUnixListener } from "../../shared/process/unix_listener.ts";

const NAME = /^serve-(\d+)-\d+\.sock$/;

/** A child that was told its path. */
interface Told {
  readonly slot: number;
  readonly boot: { readonly socket: string };
}

/** Those of one supervisor's children. */
export class PrivateSockets {
  readonly #dir: string;
  readonly #open = new Set<string>();
  #made = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Removes what supervisors left behind that were killed. */
  tidy(): void {
    for (const name of readdirSync(this.#dir)) {
      const pid = Number(NAME.exec(name)?.[1]);
      if (pid && !isAlive(pid)) rmSync(join(this.#dir, name), { force: true });
    }
  }

  /** A path no other child has: several sites may share one folder, and a new child starts before its old one leaves. */
  newPath(): string {
    return join(this.#dir, `serve-${process.pid}-${++this.#made}.sock`);
  }

  /** The listening socket at such a path, for the child to accept on; `gid` as in openUnixListener(). Throws a UserError. */
  open(path: string, gid: number | undefined): number {
    const fd = openUnixListener(path, gid);
    this.#open.add(path);
    return fd;
  }

  of(children: readonly Told[]): ChildSocket[] {
    return children.map(({ slot, boot: { socket: path } }) => ({ slot, path }));
  }

  remove(path: string): void {
    rmSync(path, { force: true });
    this.#open.delete(path);
  }

  removeAll(): void {
    for (const path of this.#open) rmSync(path, { force: true });
    this.#open.clear();
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
