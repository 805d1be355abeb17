import { existsSync } from "node:fs";
import { UserError } from "../../shared/user_error.ts";
import { defineJobs, type JobHandlers } from "./define_jobs.ts";
import { importUserFile } from "./user_code.ts";
import { defaultExportPlace } from "./user_fault.ts";

/** The handlers that jobs.ts exports. Throws a UserError with file and line when there are none. */
export async function importHandlers(path: string): Promise<JobHandlers> {
  const { default: handlers } = await importUserFile(path);
  if (typeof handlers !== "object" || handlers === null) {
    throw new UserError(`${defaultExportPlace(path)}: the default export must be defineJobs({ … })`);
  }
  try {
    return defineJobs(handlers as JobHandlers);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${defaultExportPlace(path)}: ${error.message}`);
    throw error;
  }
}

/** The same for a process that only enqueues: no file, no defaults. */
export async function importHandlersIfThere(path: string): Promise<JobHandlers> {
  return existsSync(path) ? importHandlers(path) : {};
}
