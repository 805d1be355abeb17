/**
 * Has a user's files compiled as their tsconfig.json says. In a compiled program Bun takes only `paths` from there; its
 * bundler reads all of it, for each file the one nearest to it. So the files below a tsconfig.json that says more are
 * given to the bundler, each by itself, before they are loaded; all others Bun loads as ever.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { type Loader, plugin } from "bun";
import { type CompiledSource, compileSources } from "./source_compiler.ts";
import { sourceFiles } from "./source_files.ts";
import { compilingFolder } from "./tsconfig.ts";

const LOADERS: Record<string, Loader> = {
  ".ts": "ts",
  ".mts": "ts",
  ".tsx": "tsx",
  ".js": "jsx",
  ".mjs": "jsx",
  ".jsx": "jsx",
};
const FOLDERS_MAX = 2_000;
const FILES_MAX = 5_000;
const CODE = "(?:m?[jt]s|[jt]sx)$";

interface Module {
  contents: string;
  loader: Loader;
}

/** Folders whose files come through here. */
const covered = new Set<string>();
/** By path. */
const ready = new Map<string, Module>();

/** Sees to it that the program which begins with `entry` is compiled as its tsconfig.json files say, before it is loaded. */
export function compileAsTold(entry: string): Promise<void> {
  return prepare([...sourceFiles([entry])].filter((file) => isCode(file) && existsSync(file)));
}

/**
 * The same for folders below `folder` that have a tsconfig.json of their own, where Bun itself heeds the one in
 * `folder`: as a test runner it does.
 */
export function compileBelow(folder: string): Promise<void> {
  return prepare(filesBelow(folder).filter((file) => compilingFolder(dirname(file)) !== folder));
}

function filesBelow(folder: string): string[] {
  const files: string[] = [];
  const folders = [folder];
  for (const at of folders) {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      const hidden = entry.name.startsWith(".") || entry.name === "node_modules";
      if (entry.isDirectory() && !hidden && folders.length < FOLDERS_MAX) folders.push(path);
      if (entry.isFile() && isCode(path) && files.length < FILES_MAX) files.push(path);
    }
  }
  return files;
}

async function prepare(files: readonly string[]): Promise<void> {
  const folders = new Map<string, string>();
  for (const folder of new Set(files.map((file) => dirname(file)))) {
    const told = compilingFolder(folder);
    if (told !== undefined) folders.set(folder, told);
  }
  if (folders.size === 0) return;
  const told = files.filter((file) => folders.has(dirname(file)));
  const sources = await compileSources(told);
  const commonJs = told.filter((file) => sources.get(file)?.commonJs);
  for (const file of told) ready.set(file, moduleOf(file, sources.get(file)));
  for (const folder of new Set(folders.values())) cover(folder, commonJs);
}

/** `but`: a plugin can't give Bun a CommonJS module, so that those are not compiled as told. */
function cover(folder: string, but: readonly string[]): void {
  if ([...covered].some((other) => `${folder}/`.startsWith(`${other}/`))) return;
  covered.add(folder);
  const not = ["/.*/node_modules/", ...but.map((path) => `${literally(path)}$`)].join("|");
  const filter = new RegExp(`^(?!${not})${literally(folder)}/.*\\.${CODE}`);
  void plugin({
    name: `trivet:tsconfig:${folder}`,
    setup(build) {
      // What is ready is given at once, since require() can't wait; and again, since it asks also for what is loaded.
      build.onLoad({ filter }, ({ path }) => ready.get(path) ?? load(path));
    },
  });
}

/** A file that no import of a constant name leads to. */
async function load(path: string): Promise<Module> {
  const sources = await compileSources([path]);
  return moduleOf(path, sources.get(path));
}

/** Of a file that can't be compiled, Bun's own compiler says what is wrong. */
function moduleOf(path: string, source: CompiledSource | undefined): Module {
  if (source) return { contents: source.text, loader: "js" };
  return { contents: readFileSync(path, "utf8"), loader: LOADERS[extname(path)] ?? "js" };
}

function isCode(path: string): boolean {
  return extname(path) in LOADERS;
}

function literally(path: string): string {
  return path.replace(/[^\w/]/g, "\\$&");
}
