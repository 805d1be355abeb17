import { parseArguments } from "./cli/arguments.ts";
import { backend } from "./cli/backend.ts";
import { check } from "./cli/check.ts";
import { child } from "./cli/child.ts";
import type { Command } from "./cli/command.ts";
import { doctor } from "./cli/doctor.ts";
import { help } from "./cli/help.ts";
import { init } from "./cli/init.ts";
import { inventory } from "./cli/inventory.ts";
import { jobs } from "./cli/jobs.ts";
import { proxy } from "./cli/proxy.ts";
import { reload } from "./cli/reload.ts";
import { run } from "./cli/run.ts";
import { serve } from "./cli/serve.ts";
import { status } from "./cli/status.ts";
import { test } from "./cli/test.ts";
import { up } from "./cli/up.ts";
import { upgrade } from "./cli/upgrade.ts";
import { version } from "./cli/version.ts";
import { worker } from "./cli/worker.ts";
import { childStart } from "./shared/process/child_start.ts";
import { UserError } from "./shared/user_error.ts";

const COMMANDS: readonly Command[] = [
  up,
  proxy,
  serve,
  worker,
  check,
  status,
  backend,
  reload,
  upgrade,
  doctor,
  inventory,
  jobs,
  run,
  test,
  init,
  version,
];

/** argv → one command; its exit code. */
async function main([word = "help", ...rest]: readonly string[]): Promise<number> {
  if (word === "help" || word === "--help" || word === "-h") return help(COMMANDS, rest[0]);
  const name = word === "--version" || word === "-v" ? "version" : word;
  const command = [...COMMANDS, child].find((candidate) => candidate.name === name);
  if (!command) throw new UserError(`trivet has no command "${name}": see "trivet help"`, 2);
  // A script's own --help comes after its name.
  const ours = command.passThrough ? rest.slice(0, 1) : rest;
  if (ours.some((flag) => flag === "--help" || flag === "-h")) return help(COMMANDS, name);
  return command.run(parseArguments(command, rest));
}

// Not awaited at the top level: "beforeExit" must come when a script of `trivet run` has nothing left to do.
const start = childStart();
main(start ? ["child", start.kind] : process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    process.exit(error.exitCode);
  },
);
