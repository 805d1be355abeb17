import { UserError } from "../shared/user_error.ts";
import { COMMON_FLAGS } from "./arguments.ts";
import type { Command, Flag } from "./command.ts";
import { say } from "./say.ts";

const EXIT_CODES = "Exit codes: 0 done, 1 failed, 2 wrong usage or invalid config.";

/** Prints the list of commands, or one command's own page. */
export function help(commands: readonly Command[], name?: string): number {
  if (name === undefined) {
    const width = Math.max(...commands.map((command) => command.name.length));
    const rows = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
    say(
      `Trivet: edge, app server and job worker in one binary.\n\n${rows.join("\n")}\n\n"trivet help COMMAND" says how one is used. Every command takes -c FILE (default ./trivet.toml),\n--name NAME for a second instance of a mode on one node, and --json where it prints a table.\n${EXIT_CODES}`,
    );
    return 0;
  }
  const command = commands.find((candidate) => candidate.name === name);
  if (!command) throw new UserError(`trivet has no command "${name}": see "trivet help"`, 2);
  const { usage, summary, flags = {} } = command;
  const own = Object.keys(flags).length > 0 ? `\n\nFlags:\n${explained(flags)}` : "";
  say(`${usage}\n  ${summary}${own}\n\nFlags of every command:\n${explained(COMMON_FLAGS)}\n\n${EXIT_CODES}`);
  return 0;
}

function explained(flags: Readonly<Record<string, Flag>>): string {
  const rows = Object.entries(flags).map(
    ([name, { value, meaning }]) => [value === undefined ? name : `${name} ${value}`, meaning] as const,
  );
  const width = Math.max(...rows.map(([words]) => words.length));
  return rows.map(([words, meaning]) => `  ${words.padEnd(width)}  ${meaning}`).join("\n");
}
