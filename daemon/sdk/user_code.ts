/** Loads a user's file so that "trivet" and "elysia" are there, and says where it is wrong when it can't be loaded. */
import { accessSync, constants, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { plugin } from "bun";
import { UserError } from "../../shared/user_error.ts";
import { compileAsTold } from "./compiled_sources.ts";
import type { TrivetModule } from "./trivet_module.ts";
import { faultSentence } from "./user_fault.ts";

/** Listed here so that registering them does not load Elysia. */
const ELYSIA_NAMES = [
  "elysia",
  "elysia/adapter",
  "elysia/adapter/bun",
  "elysia/adapter/web-standard",
  "elysia/cookies",
  "elysia/error",
  "elysia/schema",
  "elysia/trace",
  "elysia/type-system",
  "elysia/utils",
  "elysia/ws",
] as const;

type Exports = Record<string, unknown>;

/**
 * Makes "trivet" and "elysia" importable for user code in `folder` and below. A copy of the user's own, found from
 * there, wins: a virtual module would hide it. Call it once a process, before the first importUserFile.
 */
export function provideModules(folder: string, trivet: TrivetModule): void {
  if (!hasOwn("trivet", folder)) provide("trivet", () => ({ ...trivet }));
  if (hasOwn("elysia", folder)) return;
  for (const name of ELYSIA_NAMES) provide(name, () => embeddedElysia()[name]);
}

/** What the file exports. Throws a UserError with file and line when it is missing or can't be loaded. */
export async function importUserFile(path: string): Promise<Exports> {
  const file = resolve(path);
  mustBeReadable(file);
  await compileAsTold(file);
  try {
    return (await import(file)) as Exports;
  } catch (error) {
    throw new UserError(faultSentence(error, file), 1, { cause: error });
  }
}

/** The same as the program's own file, as if Bun had been started with it and `words`. */
export function importMainFile(path: string, words: readonly string[] = []): Promise<Exports> {
  const file = resolve(path);
  process.argv.splice(1, process.argv.length, file, ...words);
  // Bun lets it be set, which makes import.meta.main true there; its types don't know.
  (Bun as { main: string }).main = file;
  return importUserFile(file);
}

/** The folder in which a user's file looks for its packages. */
export function folderOf(path: string): string {
  return dirname(resolve(path));
}

function hasOwn(name: string, folder: string): boolean {
  try {
    Bun.resolveSync(name, folder);
    return true;
  } catch {
    // It throws exactly when the user has no such package.
    return false;
  }
}

function provide(name: string, load: () => Exports): void {
  // A synchronous factory, so that require() finds it too.
  void plugin({
    name: `trivet:${name}`,
    setup(build) {
      build.module(name, () => ({ exports: load(), loader: "object" }));
    },
  });
}

function embeddedElysia(): Record<(typeof ELYSIA_NAMES)[number], Exports> {
  const { elysiaModules } = require("./elysia_modules.ts") as typeof import("./elysia_modules.ts");
  return elysiaModules;
}

function mustBeReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new UserError(
      missing
        ? `${file} is missing: create it or name another file`
        : `${file} can't be read: check its permissions`,
      1,
      { cause: error },
    );
  }
  if (!statSync(file).isFile()) throw new UserError(`${file} is not a file`);
}
