import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../shared/user_error.ts";
import type { Command } from "./command.ts";
import { newSiteFiles } from "./new_site_files.ts" with { type: "macro" };

export const init: Command = {
  name: "init",
  usage: "trivet init",
  summary: "write a commented trivet.toml, app.ts, jobs.ts and editor types into this folder",
  run() {
    const files = newSiteFiles();
    const there = files.map(([name]) => name).filter((name) => existsSync(name));
    if (there.length > 0) {
      throw new UserError(
        `trivet init overwrites nothing, and ${there.join(", ")} ${there.length === 1 ? "is" : "are"} there: use an empty folder`,
      );
    }
    for (const [name, text] of files) write(name, text);
    console.log(`${files.map(([name]) => name).join(", ")} are written. Start with "trivet up".`);
    return Promise.resolve(0);
  },
};

function write(name: string, text: string): void {
  try {
    writeFileSync(name, text, { flag: "wx" });
  } catch (error) {
    throw new UserError(`can't write ${resolve(name)}: ${(error as Error).message}`, 1, { cause: error });
  }
}
