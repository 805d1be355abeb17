/** The files of a user's own that a program is made of: an entry and what it imports, without packages. */
import { readFileSync, statSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";

const CODE = new Set([".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"]);
const ENDINGS = ["", ".tsx", ".ts", ".jsx", ".js", ".mjs", ".cjs", ".mts", ".cts", ".json"];
const INDEX = ENDINGS.slice(1).map((ending) => `/index${ending}`);
const FILES_MAX = 5_000;

/**
 * Every local file that the entries reach by import, export or require of a constant name. Of an import that leads
 * nowhere, all the paths by which it might: one of them is what the user is about to write.
 */
export function sourceFiles(entries: readonly string[]): Set<string> {
  const found = new Set(entries);
  const transpiler = new Bun.Transpiler({ loader: "tsx" });
  for (const file of found) {
    if (!CODE.has(extname(file))) continue;
    for (const name of importsOf(file, transpiler)) {
      for (const path of pathsOf(name, file)) if (found.size < FILES_MAX) found.add(path);
    }
  }
  return found;
}

/** Empty for a file that is missing or can't be parsed: its next change is waited for. */
function importsOf(file: string, transpiler: Bun.Transpiler): string[] {
  try {
    return transpiler.scanImports(readFileSync(file, "utf8")).map(({ path }) => path);
  } catch {
    return [];
  }
}

function pathsOf(name: string, importer: string): string[] {
  if (/^\.{0,2}\//.test(name) || name === "." || name === "..")
    return localPaths(resolve(dirname(importer), name));
  try {
    // Paths of tsconfig.json, "#imports", packages of a workspace.
    const path = Bun.resolveSync(name, dirname(importer));
    return path.startsWith("/") && !path.includes("/node_modules/") ? [path] : [];
  } catch {
    // "trivet" and "elysia" are inside the binary; a package that is missing comes by an install, not by a save.
    return [];
  }
}

/** As Bun looks for a relative import; not asked of Bun, which remembers what was missing. */
function localPaths(path: string): string[] {
  // TypeScript names a module by what it will be compiled to.
  const written = path.replace(/\.(m|c)?js(x?)$/, ".$1ts$2");
  const tried = [...new Set([...ENDINGS, ...INDEX].map((ending) => path + ending).concat(written))];
  const there = tried.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
  return there ? [there] : tried;
}
