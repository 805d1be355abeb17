import { Glob } from "bun";

/** Every text file of the repository: path from its root → content. */
export type Tree = ReadonlyMap<string, string>;

const LEFT_OUT = /(?:^|\/)(?:node_modules|dist|\.git|\.bun|\.trivet)\//;
const TEXT = /(?:\.(?:ts|md|toml|json|html|css|sh|yml|yaml|service|socket|txt)|^bin\/[^.]+|^\.ci\/\w+)$/;

export async function readTree(root: string): Promise<Tree> {
  const paths = [...new Glob("**/*").scanSync({ cwd: root, dot: true })].filter(
    (path) => !LEFT_OUT.test(path) && TEXT.test(path),
  );
  const entries = paths
    .sort()
    .map(async (path): Promise<[string, string]> => [path, await Bun.file(`${root}/${path}`).text()]);
  return new Map(await Promise.all(entries));
}

export function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.startsWith("test/");
}

/** "shared/config/load.ts" → "shared"; a file at the top is its own room. */
export function roomOf(path: string): string {
  return path.split("/", 1)[0] ?? path;
}
