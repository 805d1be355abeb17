import { reachable, usageGraph } from "./import_graph.ts";
import { isTest, roomOf, type Tree } from "./tree.ts";

/** Files that nothing runs or imports. What only its own test imports is an orphan too. */
export function orphans(tree: Tree): string[] {
  const graph = usageGraph(tree);
  const sources = [...graph.keys()];
  const scripts = [...tree]
    .filter(([path]) => path.startsWith("bin/") || path === "bunfig.toml")
    .map(([, text]) => text);
  const isEntry = (path: string) =>
    path === "trivet.ts" ||
    ["bench", "deploy", "examples"].includes(roomOf(path)) ||
    scripts.some((text) => text.includes(path));
  const used = reachable(graph, sources.filter(isEntry));
  const usedByTests = reachable(
    graph,
    sources.filter((path) => path.endsWith(".test.ts")),
  );
  return sources
    .filter((path) => !used.has(path) && !(isTest(path) && usedByTests.has(path)))
    .map((path) => `${path} is imported by nothing`);
}
