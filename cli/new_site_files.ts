import { readFileSync } from "node:fs";
import { join } from "node:path";

const FILES = [
  "new_site/trivet.toml",
  "new_site/app.ts",
  "new_site/jobs.ts",
  "new_site/trivet.d.ts",
  "new_site/tsconfig.json",
];

/** What `trivet init` writes: name and text of each file; run as a macro, while Trivet itself is built. */
export function newSiteFiles(): [name: string, text: string][] {
  return FILES.map((path) => [
    path.slice("new_site/".length),
    readFileSync(join(import.meta.dir, path), "utf8"),
  ]);
}
