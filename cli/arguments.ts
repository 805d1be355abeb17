import { UserError } from "../shared/user_error.ts";
import type { Command, Invocation } from "./command.ts";

const COMMON = { "-c": true, "--config": true, "--name": true, "--json": false } as const;

/** Reads what follows `trivet NAME`. Throws a UserError (2) on a flag that the command does not have. */
export function parseArguments(
  command: Pick<Command, "name" | "flags" | "passThrough">,
  words: readonly string[],
): Invocation {
  const flags = new Map<string, string | true>();
  const operands: string[] = [];
  const known: Readonly<Record<string, boolean>> = { ...COMMON, ...command.flags };
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (!word.startsWith("-") || word === "-") {
      operands.push(word);
      // A script's own flags come after its name.
      if (command.passThrough) operands.push(...words.slice(i + 1));
      if (command.passThrough) break;
      continue;
    }
    const [flag = "", inline] = splitFlag(word);
    const takesValue = known[flag];
    if (takesValue === undefined && command.passThrough) {
      operands.push(...words.slice(i));
      break;
    }
    if (takesValue === undefined) {
      throw new UserError(`trivet ${command.name} has no flag ${flag}: see "trivet help ${command.name}"`, 2);
    }
    if (!takesValue) {
      flags.set(flag, true);
      continue;
    }
    const value = inline ?? words[++i];
    if (value === undefined)
      throw new UserError(`${flag} needs a value: see "trivet help ${command.name}"`, 2);
    flags.set(flag, value);
  }
  return {
    configFile: text(flags, "-c") ?? text(flags, "--config"),
    name: instanceName(text(flags, "--name") ?? ""),
    json: flags.has("--json"),
    flags,
    operands,
  };
}

function splitFlag(word: string): [string, string | undefined] {
  const at = word.startsWith("--") ? word.indexOf("=") : -1;
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function text(flags: ReadonlyMap<string, string | true>, flag: string): string | undefined {
  const value = flags.get(flag);
  return typeof value === "string" ? value : undefined;
}

function instanceName(name: string): string {
  if (/^[A-Za-z0-9_-]{0,16}$/.test(name)) return name;
  throw new UserError(`--name ${name}: use up to 16 letters, digits, - and _`, 2);
}
