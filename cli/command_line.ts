import { UserError } from "../shared/user_error.ts";
import { parseArguments } from "./arguments.ts";
import { CHILD, COMMANDS } from "./commands.ts";
import { help } from "./help.ts";

/** argv → one command; its exit code. */
export async function runCommand([word = "help", ...rest]: readonly string[]): Promise<number> {
  if (word === "help" || word === "--help" || word === "-h") {
    if (rest[1] !== undefined) throw new UserError(`trivet help takes one command, and no "${rest[1]}"`, 2);
    return help(COMMANDS, rest[0]);
  }
  const name = word === "--version" || word === "-v" ? "version" : word;
  const command = [...COMMANDS, CHILD].find((candidate) => candidate.name === name);
  if (!command) throw new UserError(`trivet has no command "${name}": see "trivet help"`, 2);
  // A script's own --help comes after its name.
  const ours = command.passThrough ? rest.slice(0, 1) : rest;
  if (ours.some((flag) => flag === "--help" || flag === "-h")) return help(COMMANDS, name);
  const invocation = parseArguments(command, rest);
  try {
    return await (await command.load()).run(invocation);
  } catch (error) {
    await tellPredecessor(error);
    throw error;
  }
}

/** The supervisor whose place we were to take goes on, and says why. */
async function tellPredecessor(error: unknown): Promise<void> {
  if (!process.connected) return;
  const { Legacy } = await import("../shared/process/legacy.ts");
  const { announceFailure } = await import("../shared/process/successor.ts");
  if (Legacy.predecessorWaits) announceFailure(error);
}
