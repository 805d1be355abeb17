import type { Tree } from "./tree.ts";

const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const IMPORT = /^\s*import\b[^;]*?["'][^"']+["'](?:\s*with\s*\{[^}]*\})?;?/gm;
const REEXPORT = /^\s*export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s*(?:from\s*["'][^"']+["'])?;?/gm;

/** Files that only pass on what others export. */
export function barrels(tree: Tree): string[] {
  return [...tree]
    .filter(([path, text]) => path.endsWith(".ts") && isBarrel(text))
    .map(([path]) => `${path} only re-exports: import from the owner`);
}

function isBarrel(text: string): boolean {
  const code = text.replace(COMMENT, "");
  if (code.search(REEXPORT) < 0) return false;
  return code.replace(IMPORT, "").replace(REEXPORT, "").trim() === "";
}
