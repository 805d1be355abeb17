import { roomOf, type Tree } from "./tree.ts";

const BANNED = new Set([
  "util",
  "utils",
  "helper",
  "helpers",
  "type",
  "types",
  "common",
  "misc",
  "src",
  "lib",
  "index",
]);
const SNAKE_CASE = /^[a-z0-9]+(?:_[a-z0-9]+)*(?:\.test|\.d)?\.ts$/;

/** Folders and files whose names say nothing, or are written unlike the others. */
export function badNames(tree: Tree): string[] {
  const problems = new Set<string>();
  for (const path of tree.keys()) {
    for (const part of path.split("/")) {
      if (BANNED.has(part.replace(/\..*$/, "")))
        problems.add(`${path}: a name that says what is in it, not "${part}"`);
    }
    const file = path.slice(path.lastIndexOf("/") + 1);
    const isOurs = roomOf(path) !== "examples" && file.endsWith(".ts");
    if (isOurs && !SNAKE_CASE.test(file)) problems.add(`${path}: file names are snake_case`);
  }
  return [...problems];
}
