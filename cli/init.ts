import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../shared/user_error.ts";
import type { Runner } from "./command.ts";
import { newSiteFiles } from "./new_site_files.ts" with { type: "macro" };
import { say } from "./say.ts";

const TYPES = "trivet.d.ts";

export const init: Runner = {
  run({ flags }) {
    const files = newSiteFiles();
    if (flags.has("--types")) return Promise.resolve(renewTypes(files));
    const there = files.map(([name]) => name).filter((name) => existsSync(name));
    if (there.length > 0) {
      throw new UserError(
        `trivet init overwrites nothing, and ${there.join(", ")} ${there.length === 1 ? "is" : "are"} there: use an empty folder`,
      );
    }
    for (const [name, text] of files) write(name, text, "wx");
    say(`${files.map(([name]) => name).join(", ")} are written. Start with "trivet up".`);
    return Promise.resolve(0);
  },
};

/** A newer Trivet may export more than the types that an older one wrote. */
function renewTypes(files: readonly (readonly [name: string, text: string])[]): number {
  for (const [name, text] of files) if (name === TYPES) write(name, text, "w");
  say(`${TYPES} is written.`);
  return 0;
}

function write(name: string, text: string, flag: "w" | "wx"): void {
  try {
    writeFileSync(name, text, { flag });
  } catch (error) {
    throw new UserError(`can't write ${resolve(name)}: ${(error as Error).message}`, 1, { cause: error });
  }
}
