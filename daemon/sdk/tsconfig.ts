/** What a user's tsconfig.json says about how code is compiled. */
import { readFileSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";

const NAMES = ["tsconfig.json", "jsconfig.json"];
const COMPILING =
  /"(?:jsx\w*|experimentalDecorators|emitDecoratorMetadata|useDefineForClassFields|verbatimModuleSyntax)"\s*:/;
const EXTENDS = /"extends"\s*:\s*(\[[^\]]*\]|"[^"]*")/;
const CHAIN_MAX = 16;

/**
 * The folder of the tsconfig.json that holds in `folder`, when that one, or one it extends, mentions such a setting; a
 * mention in a comment counts too, and costs some milliseconds. Undefined when there is none.
 */
export function compilingFolder(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const file = NAMES.map((name) => resolve(at, name)).find((path) => textOf(path) !== undefined);
    if (file) return mentionsCompiling(file, CHAIN_MAX) ? at : undefined;
    if (dirname(at) === at) return undefined;
  }
}

function mentionsCompiling(file: string, chainMax: number): boolean {
  const text = textOf(file);
  if (text === undefined || chainMax === 0) return false;
  if (COMPILING.test(text)) return true;
  const bases = [...(EXTENDS.exec(text)?.[1] ?? "").matchAll(/"([^"]+)"/g)].map(([, base = ""]) => base);
  return bases.some((base) => {
    // That of a package is there to say such things.
    if (!base.startsWith(".") && !isAbsolute(base)) return true;
    const path = resolve(dirname(file), base);
    return mentionsCompiling(path.endsWith(".json") ? path : `${path}.json`, chainMax - 1);
  });
}

/** Undefined when it can't be read: Bun says what is wrong with it, if anything, when it compiles. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
