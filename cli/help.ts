import { UserError } from "../shared/user_error.ts";
import type { Command } from "./command.ts";
import { say } from "./say.ts";

const COMMON_FLAGS = `Every command takes -c FILE (default ./trivet.toml),
--name NAME for a second instance of a mode on one node, and --json where it prints a table.
Exit codes: 0 done, 1 failed, 2 wrong usage or invalid config.`;

/** Prints the list of commands, or one command's own page. */
export function help(commands: readonly Command[], name?: string): number {
  if (name === undefined) {
    const width = Math.max(...commands.map((command) => command.name.length));
    const rows = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
    say(
      `Trivet: edge, app server and job worker in one binary.\n\n${rows.join("\n")}\n\n"trivet help COMMAND" says how one is used. ${COMMON_FLAGS}`,
    );
    return 0;
  }
  const command = commands.find((candidate) => candidate.name === name);
  if (!command) throw new UserError(`trivet has no command "${name}": see "trivet help"`, 2);
  const flags = Object.entries(command.flags ?? {}).map(
    ([flag, value]) => `  ${flag}${value ? " VALUE" : ""}`,
  );
  const own = flags.length > 0 ? `\n\nFlags:\n${flags.join("\n")}` : "";
  say(`${command.usage}\n  ${command.summary}${own}\n\n${COMMON_FLAGS}`);
  return 0;
}
