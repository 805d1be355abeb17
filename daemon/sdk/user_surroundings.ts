/** In what folder and environment a user's code runs. */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { parseEnv } from "node:util";
import type { Config } from "../../shared/config/schema.ts";
import type { Surroundings } from "../../shared/process/child_program.ts";
import { UserError } from "../../shared/user_error.ts";

const ENV_FILE_BYTES_MAX = 1024 * 1024;

/** Of the processes of a mode. Throws a UserError when the folder or the file of variables can't be had. */
export function surroundingsOf(mode: "serve" | "worker", { serve, worker }: Config): Surroundings {
  const file = mode === "serve" ? serve.app : worker.handlers;
  const { folder } = mode === "serve" ? serve : worker;
  if (folder && !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UserError(`${mode}.folder: there is no folder ${folder}`);
  }
  return {
    folder: folder || dirname(file),
    variables: {
      NODE_ENV: serve.watch ? "development" : "production",
      ...(serve.env_file && variablesIn(serve.env_file)),
    },
  };
}

function variablesIn(file: string): Record<string, string> {
  try {
    if (statSync(file).size > ENV_FILE_BYTES_MAX) throw new Error("larger than 1 MiB");
    return parseEnv(readFileSync(file, "utf8")) as Record<string, string>;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(
      code === "ENOENT"
        ? `serve.env_file: there is no file ${file}`
        : `serve.env_file: ${file} can't be read (${code ?? message})`,
      1,
      { cause: error },
    );
  }
}
