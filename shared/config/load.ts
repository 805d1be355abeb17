import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Value } from "@sinclair/typebox/value";
import { startFolder } from "../process/start_folder.ts";
import { UserError } from "../user_error.ts";
import { withAbsolutePaths } from "./absolute_path.ts";
import { ConfigError, type Fault } from "./config_error.ts";
import { configPlace, DEFAULT_FILE } from "./config_place.ts";
import { withCredentials } from "./credentials.ts";
import { type Environment, expandEnvironment } from "./environment.ts";
import { type LineMap, mapLines } from "./line_map.ts";
import { isTable, type Problem, pathKey, type Table } from "./problem.ts";
import { relationProblems } from "./relation.ts";
import { type Config, ConfigSchema } from "./schema.ts";
import { shapeProblems } from "./shape.ts";
import { parseToml } from "./toml.ts";
import { asItIs, type Shown, shownAs } from "./written.ts";

const FILE_BYTES_MAX = 1024 * 1024;

export interface LoadedConfig {
  config: Config;
  /** Absolute; undefined when there is no file and all is default. */
  file: string | undefined;
  /** Relative paths in the config started here. */
  dir: string;
  /** Where the keys of the file stand. */
  lines: LineMap;
  /** How its values are told to the user. */
  shown: Shown;
}

/**
 * Reads and checks a config file; without a name ./trivet.toml, or the defaults when that is absent.
 * Throws a UserError with exit code 2 whose message has a line "FILE:LINE: sentence" for every fault in the file.
 */
export async function loadConfig(named: string | undefined): Promise<LoadedConfig> {
  if (named === undefined && !existsSync(DEFAULT_FILE)) {
    const dir = startFolder;
    return {
      config: checkConfig("", DEFAULT_FILE, dir),
      file: undefined,
      dir,
      lines: mapLines(""),
      shown: asItIs,
    };
  }
  const name = named ?? DEFAULT_FILE;
  const file = resolve(startFolder, name);
  const dir = dirname(file);
  const text = await readText(name);
  const shown = shownAs(tableOf(text, name));
  return { config: checkConfig(text, name, dir), file, dir, lines: mapLines(text), shown };
}

export interface AdminDir {
  adminDir: string;
  dir: string;
  /** There is a config file: one was named, or stands in this folder. */
  there: boolean;
  /** The file, or where it would be. */
  place: string;
}

/**
 * Only what it takes to find what runs here: other keys may be wrong by now, and the shell that asks need not have the
 * secrets they name.
 */
export async function loadAdminDir(named: string | undefined): Promise<AdminDir> {
  const there = named !== undefined || existsSync(DEFAULT_FILE);
  const name = named ?? DEFAULT_FILE;
  const file = resolve(startFolder, name);
  const dir = dirname(file);
  const text = there ? await readText(name) : "";
  const { admin = {} } = tableOf(text, name);
  const adminDir = checkTable({ admin }, text, name, dir, process.env).admin.dir;
  return { adminDir, dir, there, place: configPlace(file, dir) };
}

/** The config that a text says. `name` stands before the lines of the errors. */
export function checkConfig(
  text: string,
  name: string,
  dir: string,
  env: Environment = withCredentials(process.env),
): Config {
  return checkTable(tableOf(text, name), text, name, dir, env);
}

function tableOf(text: string, name: string): Table {
  const parsed = parseToml(text);
  if ("sentence" in parsed) throw new ConfigError(name, [parsed]);
  return parsed.table;
}

function checkTable(said: Table, text: string, name: string, dir: string, env: Environment): Config {
  const unset: Problem[] = [];
  const table = expandEnvironment(said, env, unset) as Table;
  const problems = [
    ...unset,
    ...withoutRepeats(unset, [
      ...shapeProblems(ConfigSchema, table),
      ...relationProblems(table, shownAs(said)),
    ]),
  ];
  if (problems.length > 0) throw new ConfigError(name, faultsOf(problems, text));
  return withAbsolutePaths(Value.Decode(ConfigSchema, Value.Default(ConfigSchema, table)), dir);
}

/** A value whose variable is not set is wrong for that reason only. */
function withoutRepeats(unset: readonly Problem[], problems: readonly Problem[]): Problem[] {
  const known = new Set(unset.map(({ path }) => pathKey(path)));
  return problems.filter(({ path }) => !known.has(pathKey(path)));
}

function faultsOf(problems: readonly Problem[], text: string): Fault[] {
  const lines = mapLines(text);
  return problems
    .map(({ path, sentence }) => ({ line: lines.lineOf(path), sentence }))
    .sort((a, b) => a.line - b.line);
}

async function readText(name: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(name);
  } catch (error) {
    throw new UserError(unreadable(name, error), 2, { cause: error });
  }
  if (bytes.byteLength > FILE_BYTES_MAX)
    throw new UserError(`${name} is larger than 1 MiB: is it the right file?`, 2);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new UserError(`${name} is not UTF-8 text: save it as UTF-8`, 2, { cause: error });
  }
}

function unreadable(name: string, error: unknown): string {
  const code = isTable(error) || error instanceof Error ? (error as { code?: unknown }).code : undefined;
  switch (code) {
    case "ENOENT":
      return `there is no config file ${name}: check the name after -c`;
    case "EACCES":
      return `${name} can't be read: give this user permission to read it`;
    case "EISDIR":
      return `${name} is a folder: name the file in it, like ${name.replace(/\/$/, "")}/${DEFAULT_FILE}`;
    default:
      return `${name} can't be read (${String(code ?? error)})`;
  }
}
