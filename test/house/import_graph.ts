import { dirname, join } from "node:path/posix";
import type { Tree } from "./tree.ts";

/** "…from" with what stands before it on the same statement, a bare import, or import(…) of a fixed name. */
const IMPORT =
  /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;

const QUOTED = /["']([\w./-]+\.ts)["']/g;

/** The files of the tree that each .ts file of it imports, types too. */
export function importGraph(tree: Tree): Map<string, string[]> {
  const graph = new Map<string, string[]>();
  for (const [path, text] of tree) if (path.endsWith(".ts")) graph.set(path, importsOf(path, text, tree));
  return graph;
}

function importsOf(path: string, text: string, tree: Tree): string[] {
  return [...text.matchAll(IMPORT)].flatMap(([, from, bare, dynamic]) => {
    const name = from ?? bare ?? dynamic ?? "";
    if (!name.startsWith(".")) return [];
    const target = join(dirname(path), name);
    return tree.has(target) ? [target] : [];
  });
}

/** The same, and the files that a file names in quotes: what it starts, bundles or reads. */
export function usageGraph(tree: Tree): Map<string, string[]> {
  const graph = importGraph(tree);
  for (const [path, targets] of graph) {
    for (const [, name = ""] of tree.get(path)?.matchAll(QUOTED) ?? []) {
      const target = join(dirname(path), name);
      if (tree.has(target)) targets.push(target);
    }
  }
  return graph;
}

/** All that can be reached from `starts`, these included. */
export function reachable(
  graph: ReadonlyMap<string, readonly string[]>,
  starts: Iterable<string>,
): Set<string> {
  const reached = new Set(starts);
  for (const path of reached) for (const target of graph.get(path) ?? []) reached.add(target);
  return reached;
}
