/**
 * Breaks one line at a time and runs the room's own tests: what no test minds is told.
 *
 *   bin/mutants ROOM [--sample 200] [--seed 1] [--only FILE]
 *
 * It works on a copy. Of the room's tests those run that import the broken file, however indirectly; the first failure
 * ends a run. A run that takes ten times as long as the tests do is caught too: the line made it wait for ever.
 */
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { importGraph, reachable } from "../house/import_graph.ts";
import { isTest, readTree, type Tree } from "../house/tree.ts";
import { type Mutant, mutantsOf, mutated } from "./mutant.ts";

const ROOT = resolve(import.meta.dir, "../..");
const AT_LEAST_MS = 20_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
  },
});
const [room = ""] = positionals;
const tree = await readTree(ROOT);
const tests = testsOf(tree, room);
const all = [...tree]
  .filter(([path]) => path.startsWith(`${room}/`) && path.endsWith(".ts") && !isTest(path))
  .filter(([path]) => values.only === undefined || path === values.only)
  .flatMap(([path, text]) => mutantsOf(text).map((mutant) => ({ path, mutant })));
const sample = shuffled(all, Number(values.seed)).slice(0, Number(values.sample));

const copy = await mkdtemp(join(tmpdir(), "mutants-"));
try {
  for (const name of [
    "bin",
    "cli",
    "proxy",
    "daemon",
    "shared",
    "test",
    "docs",
    "dist",
    "package.json",
    "tsconfig.json",
  ])
    await cp(join(ROOT, name), join(copy, name), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(copy, "node_modules"));
  await runAll();
} finally {
  await rm(copy, { recursive: true, force: true });
}

async function runAll(): Promise<void> {
  const startedMs = performance.now();
  if (!(await passes([...new Set([...tests.values()].flat())], Number.POSITIVE_INFINITY)))
    throw new Error(`the tests of ${room} fail without any mutant`);
  const limitMs = Math.max(AT_LEAST_MS, 10 * (performance.now() - startedMs));
  let caught = 0;
  for (const { path, mutant } of sample) {
    if (await isCaught(path, mutant, limitMs)) caught++;
    else console.log(`${path}:${mutant.line}\n  - ${mutant.was.trim()}\n  + ${mutant.now.trim()}`);
  }
  const percent = Math.floor((100 * caught) / sample.length);
  console.log(
    `${room}: ${caught} of ${sample.length} mutants caught (${percent} %), of ${all.length} there are`,
  );
}

async function isCaught(path: string, mutant: Mutant, limitMs: number): Promise<boolean> {
  const text = tree.get(path) ?? "";
  await Bun.write(join(copy, path), mutated(text, mutant));
  const concerned = tests.get(path) ?? [];
  const caught = concerned.length > 0 && !(await passes(concerned, limitMs));
  await Bun.write(join(copy, path), text);
  return caught;
}

async function passes(files: readonly string[], limitMs: number): Promise<boolean> {
  const run = Bun.spawn(
    [process.execPath, "test", "--bail", "--timeout", "20000", ...files.map((file) => `./${file}`)],
    {
      cwd: copy,
      env: { ...process.env, TRIVET_BIN: join(ROOT, "dist/trivet") },
      stdio: ["ignore", "ignore", "ignore"],
    },
  );
  const watch =
    limitMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(() => run.kill("SIGKILL"), limitMs);
  const code = await run.exited;
  clearTimeout(watch);
  return code === 0;
}

/** File of the room → the room's tests that import it. */
function testsOf(tree: Tree, room: string): Map<string, string[]> {
  const graph = importGraph(tree);
  const found = new Map<string, string[]>();
  for (const path of graph.keys()) {
    if (!path.startsWith(`${room}/`) || !path.endsWith(".test.ts")) continue;
    for (const target of reachable(graph, [path])) found.set(target, [...(found.get(target) ?? []), path]);
  }
  return found;
}

/** The same order for the same seed (mulberry32). */
function shuffled<T>(list: readonly T[], seed: number): T[] {
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return list
    .map((entry) => ({ entry, place: random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ entry }) => entry);
}
