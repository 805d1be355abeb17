import { UserError } from "../user_error.ts";

/** One thing to change in a config file. */
export interface Fault {
  /** From 1. */
  line: number;
  /** From 1; only for what is no TOML. */
  column?: number;
  sentence: string;
}

/** An invalid config file: the message has a line for every fault. */
export class ConfigError extends UserError {
  readonly faults: readonly Fault[];

  constructor(file: string, faults: readonly Fault[]) {
    super(faults.map((fault) => faultLine(file, fault)).join("\n"), 2);
    this.faults = faults;
  }
}

function faultLine(file: string, { line, column, sentence }: Fault): string {
  return `${file}:${line}${column === undefined ? "" : `:${column}`}: ${sentence}`;
}
