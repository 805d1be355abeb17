import { importGraph } from "./import_graph.ts";
import { isTest, roomOf, type Tree } from "./tree.ts";

/** Rooms → the rooms they may import from, besides themselves. Rooms not named here may import everything. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  "trivet.ts": ["cli", "shared"],
  cli: ["proxy", "daemon", "shared"],
  proxy: ["shared"],
  daemon: ["shared"],
  shared: [],
};

/** Rooms inside daemon/; both may use sdk, what app.ts and jobs.ts see. */
const DAEMON_MAY_IMPORT: Record<string, readonly string[]> = { serve: ["sdk"], worker: ["sdk"], sdk: [] };

/** Through these the command line enters a room. The sdk has no process of its own: `trivet run` and `test` assemble it. */
const DOOR = /\/(?:main|child)\.ts$|^daemon\/sdk\//;

/** Imports against the one direction: trivet.ts → cli → a room's main.ts → its room → shared. */
export function wrongImports(tree: Tree): string[] {
  return [...importGraph(tree)].flatMap(([path, targets]) =>
    targets.filter((target) => !mayImport(path, target)).map((target) => `${path} must not import ${target}`),
  );
}

function mayImport(path: string, target: string): boolean {
  const room = roomOf(path);
  const targetRoom = roomOf(target);
  const allowed = MAY_IMPORT[room];
  if (isTest(path) && targetRoom === "test") return true;
  if (!allowed) return true;
  if (room !== targetRoom && !allowed.includes(targetRoom)) return false;
  if (room === "cli" && (targetRoom === "proxy" || targetRoom === "daemon"))
    return DOOR.test(target) || isTest(path);
  return room !== "daemon" || targetRoom !== "daemon" || withinDaemon(path, target);
}

function withinDaemon(path: string, target: string): boolean {
  const [, from = ""] = path.split("/");
  const [, to = ""] = target.split("/");
  return from === to || (DAEMON_MAY_IMPORT[from]?.includes(to) ?? true);
}
