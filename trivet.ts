import { complain } from "./cli/say.ts";
import { childStart } from "./shared/process/child_start.ts";
import { UserError } from "./shared/user_error.ts";

/** The exit code. Loaded is only what is needed: a child is ready sooner without the commands, and takes less memory. */
async function main(): Promise<number> {
  const start = childStart();
  if (start) {
    const { runRoom } = await import("./cli/child.ts");
    return runRoom(start.kind);
  }
  const { runCommand } = await import("./cli/command_line.ts");
  return runCommand(process.argv.slice(2));
}

// Not awaited at the top level: "beforeExit" must come when a script of `trivet run` has nothing left to do.
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    complain(error.message);
    process.exit(error.exitCode);
  },
);
