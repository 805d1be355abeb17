import { UserError } from "../shared/user_error.ts";
import type { Command, Flag, Invocation } from "./command.ts";

export const COMMON_FLAGS = {
  "-c": {
    value: "FILE",
    meaning: "the config; without it ./trivet.toml, or the defaults where there is none",
  },
  "--config": { value: "FILE", meaning: "the same" },
  "--name": {
    value: "NAME",
    meaning: "the instance of this name, where a mode runs more than once on a machine",
  },
  "--json": { meaning: "what a table would show, as JSON" },
} as const satisfies Record<string, Flag>;

/** Reads what follows `trivet NAME`. Throws a UserError (2) on a flag or a word that the command does not take. */
export function parseArguments(
  command: Pick<Command, "name" | "flags" | "passThrough" | "operandsMax" | "instead">,
  words: readonly string[],
): Invocation {
  const flags = new Map<string, string | true>();
  const operands: string[] = [];
  const known: Readonly<Record<string, Flag>> = { ...COMMON_FLAGS, ...command.flags };
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
    const meant = Object.hasOwn(known, flag) ? known[flag] : undefined;
    if (meant === undefined && command.passThrough) {
      operands.push(...words.slice(i));
      break;
    }
    if (meant === undefined) {
      throw new UserError(`trivet ${command.name} has no flag ${flag}: see "trivet help ${command.name}"`, 2);
    }
    if (meant.value === undefined) {
      if (inline !== undefined)
        throw new UserError(`${flag} takes no value: write ${flag} alone, or leave it out`, 2);
      flags.set(flag, true);
      continue;
    }
    const value = inline ?? words[++i];
    if (value === undefined)
      throw new UserError(`${flag} needs a value: see "trivet help ${command.name}"`, 2);
    flags.set(flag, value);
  }
  refuseSurplus(command, operands);
  return {
    configFile: text(flags, "-c") ?? text(flags, "--config"),
    name: instanceName(text(flags, "--name") ?? ""),
    json: flags.has("--json"),
    flags,
    operands,
  };
}

function refuseSurplus(
  {
    name,
    passThrough,
    operandsMax = 0,
    instead,
  }: Pick<Command, "name" | "passThrough" | "operandsMax" | "instead">,
  operands: readonly string[],
): void {
  const word = operands[operandsMax];
  if (passThrough || word === undefined) return;
  throw new UserError(
    `trivet ${name} takes no "${word}": ${instead?.(word) ?? `see "trivet help ${name}"`}`,
    2,
  );
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
