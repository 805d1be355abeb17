import { fstatSync } from "node:fs";
import type { ChildKind } from "./message.ts";

/** Says what a process of ours is started as; not on its command line, which is for people who look with ps. */
const VARIABLE = "TRIVET_CHILD";

export interface ChildStart {
  kind: string;
  /** Who starts it. */
  parentPid: number;
  /** The descriptor of its line to the parent. */
  linkFd: number;
}

/** What the environment of a child has beside the user's. */
export function childVariables(kind: ChildKind, linkFd: number): Record<string, string> {
  return { [VARIABLE]: `${kind} ${process.pid} ${linkFd}` };
}

let known: ChildStart | undefined;

/** Undefined in a process that no supervisor of ours has started. */
export function childStart(): ChildStart | undefined {
  known ??= takeChildStart(process.env);
  return known;
}

/**
 * Reads it, and takes it out of there. What user code starts is no child of ours: it may inherit the variable all the
 * same, since Bun.spawn knows the environment of the start, but not the line.
 */
export function takeChildStart(env: Record<string, string | undefined>): ChildStart | undefined {
  const [kind = "", parentPid, linkFd] = (env[VARIABLE] ?? "").split(" ");
  delete env[VARIABLE];
  const start = { kind, parentPid: Number(parentPid), linkFd: Number(linkFd) };
  return kind !== "" && isSocket(start.linkFd) ? start : undefined;
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch (error) {
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}
