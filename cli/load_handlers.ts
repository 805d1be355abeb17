import { resolve } from "node:path";
import type { JobHandlers } from "../daemon/sdk/define_jobs.ts";
import { importHandlersIfThere } from "../daemon/sdk/handlers_file.ts";
import { faultSentence, loadingPlace } from "../daemon/sdk/user_fault.ts";
import { UserError } from "../shared/user_error.ts";
import { complain } from "./say.ts";

/** As long as a worker gives it. */
const LOAD_WAIT_MS = 60_000;

/**
 * The handlers file for a short command, which has no supervisor to tell what became of it. Throws a UserError, with the
 * line where it is known, also when the file fails beside its loading, waits for ever or ends the process.
 */
export async function loadHandlers(path: string): Promise<JobHandlers> {
  const file = resolve(path);
  const failure = Promise.withResolvers<never>();
  const fail = (sentence: string) => failure.reject(new UserError(sentence));
  const onFault = (error: unknown) => fail(faultSentence(error, file));
  const onIdle = () => fail(`${loadingPlace(file)}: it waits for something that never comes`);
  const onExit = () => {
    complain(`${file}: it ended the process while it was loaded`);
    process.exitCode = 1;
  };
  const late = setTimeout(
    () => fail(`${loadingPlace(file)}: it was not loaded within ${LOAD_WAIT_MS / 1000} s`),
    LOAD_WAIT_MS,
  );
  // A loop with nothing else to wait for tells sooner.
  late.unref();
  process.on("uncaughtException", onFault).on("unhandledRejection", onFault);
  process.on("beforeExit", onIdle).on("exit", onExit);
  try {
    return await Promise.race([importHandlersIfThere(file), failure.promise]);
  } finally {
    clearTimeout(late);
    process.off("uncaughtException", onFault).off("unhandledRejection", onFault);
    process.off("beforeExit", onIdle).off("exit", onExit);
  }
}
