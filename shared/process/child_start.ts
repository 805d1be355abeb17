import type { ChildKind } from "./message.ts";

/** Says what a process of ours is started as; not on its command line, which is for people who look with ps. */
const VARIABLE = "TRIVET_CHILD";

export interface ChildStart {
  kind: string;
  /** Who starts it. */
  parentPid: number;
}

/** What the environment of a child has beside the user's. */
export function childVariables(kind: ChildKind): Record<string, string> {
  return { [VARIABLE]: `${kind} ${process.pid}` };
}

/**
 * Undefined in a process that no supervisor of ours has started. What user code starts may inherit the variable, but
 * has another parent, and no line to it.
 */
export function childStart(): ChildStart | undefined {
  const [kind = "", parentPid] = (process.env[VARIABLE] ?? "").split(" ");
  return kind !== "" && process.connected ? { kind, parentPid: Number(parentPid) } : undefined;
}
