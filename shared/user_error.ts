import { messageOf } from "./thrown_value.ts";

/** A failure the user can mend: its message is one plain sentence for stderr, its code the process's exit code. */
export class UserError extends Error {
  override readonly name = "UserError";
  /** 1: it failed. 2: wrong usage or invalid config. */
  readonly exitCode: 1 | 2;

  constructor(sentence: string, exitCode: 1 | 2 = 1, options?: ErrorOptions) {
    super(sentence, options);
    this.exitCode = exitCode;
  }
}

/** The sentence of anything that was thrown, by us or by user code. */
export function sentenceOf(thrown: unknown): string {
  return messageOf(thrown);
}
