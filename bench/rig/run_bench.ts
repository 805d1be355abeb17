import { sentenceOf, UserError } from "../../shared/user_error.ts";
import { say } from "./say.ts";

/** Runs a bench to its end; why it could not is said in a sentence, and in the exit code. */
export async function runBench(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    say(sentenceOf(error));
    process.exitCode = error instanceof UserError ? error.exitCode : 1;
  }
}
