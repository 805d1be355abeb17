import { Legacy } from "../shared/process/legacy.ts";
import { announceFailure } from "../shared/process/successor.ts";
import { UserError } from "../shared/user_error.ts";
import { parseArguments } from "./arguments.ts";
import { backend } from "./backend.ts";
import { check } from "./check.ts";
import { child } from "./child.ts";
import type { Command } from "./command.ts";
import { doctor } from "./doctor.ts";
import { help } from "./help.ts";
import { init } from "./init.ts";
import { inventory } from "./inventory.ts";
import { jobs } from "./jobs.ts";
import { proxy } from "./proxy.ts";
import { reload } from "./reload.ts";
import { run } from "./run.ts";
import { serve } from "./serve.ts";
import { status } from "./status.ts";
import { test } from "./test.ts";
import { up } from "./up.ts";
import { upgrade } from "./upgrade.ts";
import { version } from "./version.ts";
import { worker } from "./worker.ts";

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
export async function runCommand([word = "help", ...rest]: readonly string[]): Promise<number> {
  if (word === "help" || word === "--help" || word === "-h") return help(COMMANDS, rest[0]);
  const name = word === "--version" || word === "-v" ? "version" : word;
  const command = [...COMMANDS, child].find((candidate) => candidate.name === name);
  if (!command) throw new UserError(`trivet has no command "${name}": see "trivet help"`, 2);
  // A script's own --help comes after its name.
  const ours = command.passThrough ? rest.slice(0, 1) : rest;
  if (ours.some((flag) => flag === "--help" || flag === "-h")) return help(COMMANDS, name);
  try {
    return await command.run(parseArguments(command, rest));
  } catch (error) {
    if (Legacy.predecessorWaits) announceFailure(error);
    throw error;
  }
}
