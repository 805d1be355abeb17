import type { ChildStatus } from "./fleet.ts";

/**
 * Whether work can still be done: of each kind of children that are ready at least one was heard within `silenceMs`. A
 * single silent child is its supervisor's business; when all are silent, starting everything again is what is left.
 */
export function isAlive(
  children: readonly Pick<ChildStatus, "kind" | "state" | "silentMs">[],
  silenceMs: number,
): boolean {
  const ready = children.filter(({ state }) => state === "ready");
  const kinds = new Set(ready.map(({ kind }) => kind));
  return [...kinds].every((kind) =>
    ready.some((child) => child.kind === kind && child.silentMs <= silenceMs),
  );
}
